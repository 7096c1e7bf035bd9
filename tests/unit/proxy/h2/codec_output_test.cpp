#include <tests/unit/proxy/h2/codec_fixture.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::h2 {
namespace {

using namespace tests;

constexpr std::uint32_t kSettingsWindow = 4;
constexpr std::uint32_t kSettingsFrameBytes = 5;
constexpr std::size_t kBlock = BufferPool::kBlockBytes;

/// A server and a client codec that have shaken hands, and one request that waits for its answer.
class Pair {
 public:
  explicit Pair(const Codec::Setting& of_client = H2Peer::setting(Codec::Role::client)) : client(of_client) {
    talk(client, server);
    id = client.request(request_head("GET")).value();
    talk(client, server);
    client.take_log();
    server.take_log();
  }
  H2Peer server{Codec::Role::server};
  H2Peer client;
  StreamId id = 0;
};

/// A client that gives all the credit there is.
std::string generous() { return settings({{kSettingsWindow, 0x7fffffff}}) + window_update(0, 0x7fff0000); }

}  // namespace

TEST_CASE("codec: a response and its body arrive as they were given", "[h2]") {
  Pair pair;
  http::ResponseHead head = response_head(200, kOpenEnded);
  head.fields.add("Content-Type", "text/plain");
  head.fields.add("set-cookie", "a=b");
  head.fields.add("set-cookie", "c=d");
  pair.server.codec.respond(pair.id, head, false);
  talk(pair.server, pair.client);
  CHECK(pair.client.take_log() == Log{"1 field :status 200", "1 field content-type text/plain",
                                      "1 field set-cookie a=b", "1 field set-cookie c=d", "1 head"});
  pair.server.stream(1).say("hello", false);
  pair.server.codec.resume(1);
  talk(pair.server, pair.client);
  CHECK(pair.client.take_log() == Log{"1 data 5"});
  CHECK(pair.server.take_log() == Log{"1 sent 5"});
  pair.server.stream(1).say("", true);
  pair.server.codec.resume(1);
  talk(pair.server, pair.client);
  CHECK(pair.client.take_log() == Log{"1 data end", "1 closed 0"});
  CHECK(pair.server.take_log() == Log{"1 sent 0", "1 closed 0"});
}

TEST_CASE("codec: a length that is known is said, a body that is none ends with the head", "[h2]") {
  Pair pair;
  pair.server.codec.respond(1, response_head(200, {http::BodyLength::Kind::length, 0}), true);
  talk(pair.server, pair.client);
  CHECK(pair.client.take_log() == Log{"1 field :status 200", "1 field content-length 0", "1 head last", "1 closed 0"});
}

TEST_CASE("codec: what no two heads share drives nothing out of the table of fields", "[h2]") {
  Served served;
  std::size_t first = 0;
  for (StreamId id = 1; id < 200; id += 2) {
    served.receive(headers(static_cast<std::uint32_t>(id), get()));
    const std::string request_id = std::to_string(1000 + id);
    http::ResponseHead head = response_head(204);
    head.fields.add("server", "of the sandbox");
    head.fields.add("x-request-id", request_id);
    served.codec().respond(id, head, true);
    const std::vector<Frame> answer = only(served.peer.frames(), FrameType::headers);
    REQUIRE(answer.size() == 1);
    if (id == 3) first = answer[0].payload.size();  // From the second on, all else is in the table.
    if (id > 3) CHECK(answer[0].payload.size() == first);
  }
}

TEST_CASE("codec: interim responses come before the final one", "[h2]") {
  Pair pair;
  http::ResponseHead early = response_head(103);
  early.fields.add("link", "</a>");
  pair.server.codec.interim(1, response_head(100));
  pair.server.codec.interim(1, early);
  pair.server.codec.respond(1, response_head(204), true);
  talk(pair.server, pair.client);
  CHECK(pair.client.take_log() == Log{"1 field :status 100", "1 head", "1 field :status 103", "1 field link </a>",
                                      "1 head", "1 field :status 204", "1 head last", "1 closed 0"});
}

TEST_CASE("codec: trailers come behind the body, or in its place", "[h2]") {
  Pair pair;
  http::Fields trailers;
  trailers.add("grpc-status", "0");
  pair.server.codec.respond(1, response_head(200, kOpenEnded), false);
  const bool has_body = GENERATE(true, false);
  pair.server.stream(1).say(has_body ? "hello" : "", true, &trailers);
  const auto frames = pair.server.frames();
  CHECK(describe(frames) ==
        (has_body ? Log{"HEADERS 1", "DATA 1 5", "HEADERS 1 end"} : Log{"HEADERS 1", "HEADERS 1 end"}));
  CHECK(pair.server.take_log() == Log{has_body ? "1 sent 5" : "1 sent 0", "1 closed 0"});
}

TEST_CASE("codec: trailers arrive after everything before them", "[h2]") {
  Pair pair;
  http::Fields trailers;
  trailers.add("grpc-status", "0");
  pair.server.codec.respond(1, response_head(200, kOpenEnded), false);
  pair.server.stream(1).say(std::string(100'000, 'x'), true, &trailers);
  talk(pair.server, pair.client);
  CHECK(pair.client.stream(1).received == std::string(100'000, 'x'));
  CHECK(pair.client.stream(1).heads.at(1) == FieldList{{"grpc-status", "0"}});
  const Log log = pair.client.take_log();
  CHECK(Log(log.end() - 3, log.end()) == Log{"1 field grpc-status 0", "1 head last", "1 closed 0"});
}

TEST_CASE("codec: a block is filled to where no frame is worth it, and the next goes on from there", "[h2]") {
  Served server(H2Peer::setting(Codec::Role::server), generous() + settings({{kSettingsFrameBytes, 0xffffff}}));
  server.receive(headers(1, get()));
  server.codec().respond(1, response_head(200, kOpenEnded), false);
  std::string body(3 * kBlock + 17, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i % 251);
  server.stream(1).say(body, true);
  std::string bytes;
  for (int blocks = 0; server.codec().has_output(); ++blocks) {
    REQUIRE(blocks < 10);
    const std::string block = server.peer.produce_block();
    CHECK(block.size() <= kBlock);
    if (server.codec().has_output()) CHECK(block.size() > kBlock - 1024);
    bytes += block;
  }
  std::string arrived;
  const auto frames = read_frames(bytes).value();
  for (const Frame& frame : only(frames, FrameType::data)) arrived += frame.payload;
  CHECK(arrived == body);
  CHECK((frames.back().flags & kEndStream) != 0);
  CHECK(server.stream(1).over == ErrorCode::no_error);
}

TEST_CASE("codec: whatever room a block has left, it is not exceeded by DATA and nothing is lost", "[h2]") {
  const std::string body(2000, 'x');
  for (std::size_t room = 0; room <= 2100; room += 7) {
    Served server(H2Peer::setting(Codec::Role::server), generous());
    server.receive(headers(1, get()));
    server.codec().respond(1, response_head(200, kOpenEnded), false);
    server.peer.produce();
    server.stream(1).say(body, true);
    server.codec().resume(1);
    const std::string first = server.peer.produce_block(kBlock - room);
    if (first.size() > room || (room < 1024 && !first.empty())) FAIL("with room for " << room);
    const std::string bytes = first + server.peer.produce();
    std::size_t arrived = 0;
    for (const Frame& frame : only(read_frames(bytes).value(), FrameType::data)) arrived += frame.payload.size();
    if (arrived != body.size()) FAIL("with room for " << room << ": " << arrived << " bytes");
  }
}

TEST_CASE("codec: a head larger than a block makes the block larger, with what it held before it", "[h2]") {
  Pair pair;
  http::ResponseHead head = response_head(200, kOpenEnded);
  const std::string large(50'000, '\x01' + 'a');
  head.fields.add("x", large);
  pair.server.codec.respond(1, head, false);
  pair.server.stream(1).say("hello", true);
  talk(pair.server, pair.client);
  CHECK(pair.client.stream(1).heads.at(0) == FieldList{{":status", "200"}, {"x", large}});
  CHECK(pair.client.stream(1).received == "hello");
  CHECK(pair.client.stream(1).over == ErrorCode::no_error);
}

TEST_CASE("codec: no more DATA than the peer gave credit for, on the stream and on the connection", "[h2]") {
  struct Row {
    std::uint32_t stream_window;
    std::uint32_t connection_more;
    std::size_t arrives;
  };
  for (const Row& row : {Row{10, 0, 10}, Row{100'000, 0, 65'535}, Row{100'000, 1000, 66'535}, Row{0, 0, 0}}) {
    const std::string more = row.connection_more > 0 ? window_update(0, row.connection_more) : "";
    Served server(H2Peer::setting(Codec::Role::server), settings({{kSettingsWindow, row.stream_window}}) + more);
    server.receive(headers(1, get()));
    server.codec().respond(1, response_head(200, kOpenEnded), false);
    server.stream(1).say(std::string(90'000, 'x'), true);
    std::size_t arrived = 0;
    for (const Frame& frame : only(server.peer.frames(), FrameType::data)) arrived += frame.payload.size();
    CHECK(arrived == row.arrives);
    CHECK(server.stream(1).unsaid() == 90'000 - row.arrives);
    server.receive(window_update(1, 90'000) + window_update(0, 90'000));
    for (const Frame& frame : only(server.peer.frames(), FrameType::data)) arrived += frame.payload.size();
    CHECK(arrived == 90'000);
  }
}

TEST_CASE("codec: a stream that is forgotten says nothing more, and what it had begun is cut off", "[h2]") {
  Pair pair;
  pair.server.codec.respond(1, response_head(200, kOpenEnded), false);
  pair.server.stream(1).say("hello", false);
  talk(pair.server, pair.client);
  pair.server.stream(1).say("more", true);
  pair.server.codec.resume(1);
  pair.server.drop(1);
  talk(pair.server, pair.client);
  CHECK(pair.client.stream(1).received == "hello");
  CHECK(pair.client.stream(1).over == ErrorCode::internal_error);
}

TEST_CASE("codec: a shutdown in two steps loses no request that was on its way", "[h2]") {
  Served server;
  server.receive(headers(1, get()));
  server.codec().announce_shutdown();
  CHECK(written(server.peer) == Log{"GOAWAY 2147483647 0"});
  CHECK(server.codec().wants_input());
  server.receive(headers(3, get()));
  CHECK(server.stream(3).has_ended);
  server.codec().shut_down();
  CHECK(written(server.peer) == Log{"GOAWAY 3 0"});
  server.peer.take_log();
  server.receive(headers(5, get()));
  CHECK(server.peer.take_log().empty());
  for (const StreamId id : {1, 3}) {
    CHECK(server.codec().wants_input());
    server.codec().respond(id, response_head(204), true);
    server.peer.produce();
  }
  CHECK_FALSE(server.codec().wants_input());
}

TEST_CASE("codec: a shutdown of one that carries nothing is its end", "[h2]") {
  Served server;
  server.codec().shut_down();
  CHECK(server.codec().wants_input());  // Not said yet.
  CHECK(written(server.peer) == Log{"GOAWAY 0 0"});
  CHECK_FALSE(server.codec().wants_input());
  CHECK_FALSE(server.codec().has_output());
}

TEST_CASE("codec: what a shutdown leaves out is refused from then on, and it is said once", "[h2]") {
  Served server;
  server.receive(headers(1, get()));
  server.codec().shut_down();
  server.peer.take_log();
  server.receive(headers(3, get()));  // Before the GOAWAY was written.
  CHECK(server.peer.take_log().empty());
  server.codec().shut_down();
  const Log log = written(server.peer);
  CHECK(std::count_if(log.begin(), log.end(), [](const auto& line) { return line.starts_with("GOAWAY"); }) == 1);
  CHECK(std::count(log.begin(), log.end(), "GOAWAY 1 0") == 1);
  CHECK(server.codec().wants_input());  // For the first one.
}

TEST_CASE("codec: after terminate there is one GOAWAY and nothing else", "[h2]") {
  Served server;
  server.receive(headers(1, get()));
  server.codec().respond(1, response_head(200, kOpenEnded), false);
  server.stream(1).say("hello", true);
  server.codec().terminate(ErrorCode::no_error);
  const Log log = written(server.peer);
  CHECK(log.back() == "GOAWAY 1 0");
  CHECK(std::count_if(log.begin(), log.end(), [](const auto& line) { return line.starts_with("GOAWAY"); }) == 1);
  CHECK_FALSE(server.codec().wants_input());
  CHECK_FALSE(server.codec().has_output());
}

}  // namespace sandgate::proxy::h2

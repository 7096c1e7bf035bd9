#include <tests/unit/proxy/h2/codec_fixture.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::h2 {
namespace {

using namespace tests;

constexpr std::uint32_t kSettingsPush = 2;
constexpr std::uint32_t kSettingsMaxStreams = 3;

/// A client whose server has sent `settings`; what it said first is read.
class Asked {
 public:
  explicit Asked(const std::string& server_settings = settings()) {
    client.receive(server_settings + settings_ack());
    client.produce();
  }
  H2Peer client{Codec::Role::client};
};

}  // namespace

TEST_CASE("codec: a client begins with the preface, and takes no push", "[h2]") {
  H2Peer client(Codec::Role::client);
  const std::string bytes = client.produce();
  REQUIRE(bytes.starts_with(kPreface));
  const auto frames = read_frames(bytes.substr(kPreface.size())).value();
  REQUIRE(frames.at(0).type == FrameType::settings);
  CHECK(frames[0].payload.find(big_endian(kSettingsPush, 2) + big_endian(0, 4)) != std::string::npos);
}

TEST_CASE("codec: a request arrives as it was given", "[h2]") {
  H2Peer server(Codec::Role::server);
  H2Peer client(Codec::Role::client);
  http::RequestHead head = request_head("PUT", {http::BodyLength::Kind::length, 5});
  head.target = "/a?b";
  head.authority = "8080-sbx1.sandbox.test";
  head.fields.add("X-Forwarded-For", "203.0.113.7");
  head.fields.add("te", "trailers");
  REQUIRE(client.request(head) == 1);
  client.stream(1).say("hello", true);
  talk(client, server);
  CHECK(server.stream(1).heads.at(0) == FieldList{{":method", "PUT"},
                                                  {":scheme", "http"},
                                                  {":authority", "8080-sbx1.sandbox.test"},
                                                  {":path", "/a?b"},
                                                  {"x-forwarded-for", "203.0.113.7"},
                                                  {"te", "trailers"},
                                                  {"content-length", "5"}});
  CHECK(server.stream(1).received == "hello");
  CHECK(server.stream(1).has_ended);
}

TEST_CASE("codec: a request without a body ends with its head", "[h2]") {
  Asked asked;
  asked.client.request(request_head("GET"));
  CHECK(written(asked.client) == Log{"HEADERS 1 end"});
  asked.client.request(request_head("POST", kOpenEnded));
  CHECK(written(asked.client) == Log{"HEADERS 3"});
}

TEST_CASE("codec: a response is its fields, its data and its end", "[h2]") {
  Asked asked;
  asked.client.request(request_head("GET"));
  asked.client.produce();
  asked.client.receive(headers(1, {{":status", "103"}}, kEndHeaders) +
                       headers(1, {{":status", "200"}, {"content-length", "5"}}, kEndHeaders) + data(1, "hello") +
                       headers(1, {{"grpc-status", "0"}}));
  CHECK(asked.client.take_log() == Log{"1 field :status 103", "1 head", "1 field :status 200",
                                       "1 field content-length 5", "1 head", "1 data 5", "1 field grpc-status 0",
                                       "1 head last", "1 closed 0"});
}

TEST_CASE("codec: a response that is malformed ends its stream", "[h2]") {
  struct Case {
    const char* what;
    std::string frames;
  };
  const Case cases[] = {
      {"no status", headers(1, {{"a", "b"}})},
      {"a request", headers(1, get())},
      {"a switch of protocols", headers(1, {{":status", "101"}}, kEndHeaders)},
      {"an interim one at the end", headers(1, {{":status", "103"}})},
      {"DATA behind an interim one", headers(1, {{":status", "103"}}, kEndHeaders) + data(1, "x")},
      {"less than was said", headers(1, {{":status", "200"}, {"content-length", "5"}})},
      {"a second head", headers(1, {{":status", "200"}}, kEndHeaders) + headers(1, {{":status", "200"}})},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    Asked asked;
    asked.client.request(request_head("GET"));
    asked.client.produce();
    asked.client.receive(one.frames);
    CHECK(written(asked.client) == Log{"RST_STREAM 1 1"});
    CHECK(asked.client.stream(1).over == ErrorCode::protocol_error);
    CHECK_FALSE(asked.client.stream(1).was_called_after_its_end);
  }
}

TEST_CASE("codec: DATA before any head of a response is an error of the connection", "[h2]") {
  Asked asked;
  asked.client.request(request_head("GET"));
  asked.client.produce();
  asked.client.receive(data(1, "x"));
  CHECK(written(asked.client) == Log{"GOAWAY 0 1"});
  CHECK_FALSE(asked.client.codec.wants_input());
  CHECK(asked.client.stream(1).received.empty());
}

TEST_CASE("codec: how many streams the peer takes", "[h2]") {
  H2Peer client(Codec::Role::client);
  CHECK(client.codec.peer_streams() == 100);  // Until it says so itself.
  client.receive(settings({{kSettingsMaxStreams, 3}}));
  CHECK(client.codec.peer_streams() == 3);
  client.receive(settings({{kSettingsMaxStreams, 0}}));
  CHECK(client.codec.peer_streams() == 0);
}

TEST_CASE("codec: a request beyond what the peer takes waits, and can be given up", "[h2]") {
  Asked asked(settings({{kSettingsMaxStreams, 1}}));
  REQUIRE(asked.client.request(request_head("GET")) == 1);
  REQUIRE(asked.client.request(request_head("GET")) == 3);
  CHECK(written(asked.client) == Log{"HEADERS 1 end"});
  SECTION("it is sent when the first is over") {
    asked.client.receive(headers(1, {{":status", "204"}}));
    CHECK(written(asked.client) == Log{"HEADERS 3 end"});
  }
  SECTION("it is reset and forgotten before it was sent") {
    asked.client.codec.reset(3, ErrorCode::cancel);
    asked.client.drop(3);
    asked.client.receive(headers(1, {{":status", "204"}}));
    CHECK(only(asked.client.frames(), FrameType::headers).empty());
  }
}

TEST_CASE("codec: a GOAWAY ends the streams that were not looked at, and no others are opened", "[h2]") {
  Asked asked;
  for (int i = 0; i < 3; ++i) asked.client.request(request_head("POST", kOpenEnded));
  asked.client.produce();
  asked.client.receive(goaway(3, 0));
  CHECK(asked.client.last_of_goaway == 3);
  CHECK(asked.client.stream(5).over == ErrorCode::refused_stream);
  CHECK_FALSE(asked.client.stream(1).over);
  CHECK_FALSE(asked.client.stream(3).over);
  const auto late = asked.client.request(request_head("GET"));
  asked.client.produce();
  if (late) CHECK(asked.client.stream(*late).over.has_value());
  CHECK(asked.client.codec.wants_input());
  asked.client.receive(headers(1, {{":status", "200"}}, kEndHeaders) + data(1, "x"));
  CHECK(asked.client.stream(1).received == "x");
}

TEST_CASE("codec: a server that opens a stream, or pushes one, is refused", "[h2]") {
  Asked asked;
  asked.client.request(request_head("GET"));
  asked.client.produce();
  SECTION("HEADERS") { asked.client.receive(headers(2, {{":status", "200"}})); }
  SECTION("PUSH_PROMISE") {
    asked.client.receive(frame(FrameType::push_promise, kEndHeaders, 1, big_endian(2, 4) + hpack(get())));
  }
  CHECK(written(asked.client).back() == "GOAWAY 0 1");
  CHECK_FALSE(asked.client.codec.wants_input());
}

TEST_CASE("codec: a peer that talks HTTP/1 has broken the protocol", "[h2]") {
  H2Peer client(Codec::Role::client);
  client.request(request_head("GET"));
  client.produce();
  client.receive("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  CHECK(written(client).back().starts_with("GOAWAY 0 "));
  CHECK_FALSE(client.codec.wants_input());
}

TEST_CASE("codec: resets of a server's own take from the client's allowance", "[h2]") {
  Asked asked;
  std::size_t count = 0;
  while (count < 1000 && asked.client.codec.wants_input()) {
    const auto id = asked.client.request(request_head("GET"));
    REQUIRE(id);
    asked.client.produce();
    asked.client.receive(rst_stream(static_cast<std::uint32_t>(*id), 8));
    ++count;
  }
  CHECK(count == 101);
  CHECK(asked.client.codec.exceeded() == LimitLabel::h2_resets);
}

}  // namespace sandgate::proxy::h2

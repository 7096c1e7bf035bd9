#include <tests/unit/proxy/h2/session_fixture.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::h2 {
namespace {

using namespace tests;
using http::BodyLength;
using std::chrono::milliseconds;

constexpr BodyLength kOpenEnded{BodyLength::Kind::until_end};

config::Config with_limits(void (*change)(config::Config&)) {
  config::Config config = config::default_config();
  change(config);
  return config;
}

}  // namespace

TEST_CASE("h2 session: a request is served and its answer arrives", "[h2]") {
  Serving serving;
  serving.start();
  const StreamId id = serving.get("/hello");
  REQUIRE(serving.run_until_answered({id}));
  CHECK(serving.stream(id).received == "hello");
  CHECK(serving.stream(id).heads.at(0) == FieldList{{":status", "200"}});
  CHECK(serving.stream(id).over == ErrorCode::no_error);
  CHECK(serving.handler.served.at(0).target == "/hello");
  CHECK_FALSE(serving.handler.served.at(0).failure);
  CHECK(serving.metrics.client_connections[static_cast<std::size_t>(ClientState::active)].value() == 0);
}

TEST_CASE("h2 session: many streams at once, none in the way of another", "[h2]") {
  Serving serving;
  serving.start();
  std::vector<StreamId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(serving.get("/wait"));
  REQUIRE(serving.run_until([&] { return serving.handler.waiting == 100; }));
  serving.handler.let_go();
  REQUIRE(serving.run_until_answered(ids));
  for (const StreamId id : ids) CHECK(serving.stream(id).received == "hello");
  CHECK(serving.handler.most_at_once == 100);
}

TEST_CASE("h2 session: bodies both ways, trailers too", "[h2]") {
  Serving serving;
  serving.start();
  http::Fields trailers;
  trailers.add("x-checksum", "7");
  std::vector<StreamId> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(serving.request("POST", "/echo", kOpenEnded));
    serving.stream(ids.back()).say(std::string(100'000, static_cast<char>('a' + i)), true, &trailers);
  }
  // The client's windows are larger than that, and the server gives credit as the echo goes out.
  REQUIRE(serving.run_until_answered(ids));
  for (int i = 0; i < 10; ++i) {
    PeerStream& stream = serving.stream(ids[static_cast<std::size_t>(i)]);
    CHECK(stream.received == std::string(100'000, static_cast<char>('a' + i)));
    CHECK(stream.heads.at(1) == FieldList{{"x-checksum", "7"}});
    CHECK(stream.over == ErrorCode::no_error);
  }
  CHECK(serving.run_until([&] { return serving.buffers.leased_bytes() == 0; }));
}

TEST_CASE("h2 session: a reader that is slow holds up its own stream, and what is held for it is bounded", "[h2]") {
  Codec::Setting slow = H2Peer::setting(Codec::Role::client);
  slow.stream_window = 20'000;
  Serving serving(config::default_config(), slow);
  serving.start();
  const StreamId large = serving.get("/bytes?1000000");
  REQUIRE(serving.run_until([&] { return serving.stream(large).received.size() == 20'000; }));
  const StreamId other = serving.get("/hello");
  REQUIRE(serving.run_until_answered({other}));
  serving.turn(20);
  CHECK(serving.stream(large).received.size() == 20'000);
  CHECK(serving.buffers.leased_bytes() <= 3 * BufferPool::kBlockBytes);  // Its arena, and what is being written.
  Window window = serving.client.peer.codec.make_stream_window();
  std::size_t consumed = 0;
  const bool is_whole = serving.run_until([&] {
    const std::size_t more = serving.stream(large).received.size() - consumed;
    if (more > 0) serving.client.peer.codec.consume(large, window, more, false, serving.client.peer.now);
    consumed += more;
    return serving.is_answered(large);
  });
  REQUIRE(is_whole);
  CHECK(consumed == 1'000'000);
}

TEST_CASE("h2 session: a request's body that nobody reads stops at the window", "[h2]") {
  Serving serving(with_limits([](config::Config& config) { config.limits.h2_stream_window = config::kibibytes(64); }));
  serving.start();
  const StreamId id = serving.request("POST", "/wait", kOpenEnded);
  serving.stream(id).say(std::string(1'000'000, 'x'), true);
  REQUIRE(serving.run_until([&] { return serving.stream(id).unsaid() == 1'000'000 - 64 * 1024; }));
  serving.turn(20);
  CHECK(serving.stream(id).unsaid() == 1'000'000 - 64 * 1024);
  CHECK(serving.buffers.leased_bytes() <= (4 + 3) * BufferPool::kBlockBytes);
}

TEST_CASE("h2 session: a client that resets a stream ends its exchange and no other", "[h2]") {
  Serving serving;
  serving.start();
  const StreamId waiting = serving.get("/wait");
  const StreamId writing = serving.request("POST", "/echo", kOpenEnded);
  const StreamId other = serving.get("/wait");
  REQUIRE(serving.run_until([&] { return serving.handler.served.size() == 3 && serving.handler.waiting == 2; }));
  serving.client.peer.codec.reset(waiting, ErrorCode::cancel);
  serving.client.peer.codec.reset(writing, ErrorCode::cancel);
  REQUIRE(serving.run_until([&] { return serving.handler.served[0].is_over && serving.handler.served[1].is_over; }));
  CHECK(serving.handler.served[0].was_client_gone);
  CHECK(serving.handler.served[1].failure == Failure::client_closed);
  CHECK_FALSE(serving.handler.served[2].is_over);
  serving.handler.let_go();
  REQUIRE(serving.run_until_answered({other}));
  CHECK(serving.stream(other).received == "hello");
}

TEST_CASE("h2 session: what a client is told of an exchange that is cut off", "[h2]") {
  struct Row {
    Failure why;
    ErrorCode code;
  };
  const Row rows[] = {
      {Failure::bad_request, ErrorCode::protocol_error},
      {Failure::sandbox_reset, ErrorCode::internal_error},
      {Failure::sandbox_truncated, ErrorCode::internal_error},
      {Failure::response_invalid, ErrorCode::internal_error},
      {Failure::route_changed, ErrorCode::cancel},
      {Failure::stream_idle_timeout, ErrorCode::cancel},
      {Failure::overloaded, ErrorCode::cancel},
  };
  Serving serving;
  serving.start();
  for (const Row& row : rows) {
    INFO(label(row.why));
    const StreamId id = serving.get("/abort?" + std::to_string(static_cast<int>(row.why)));
    REQUIRE(serving.run_until_answered({id}));
    CHECK(serving.stream(id).over == row.code);
    CHECK_FALSE(serving.stream(id).has_ended);
  }
  const StreamId nothing = serving.get("/nothing");
  REQUIRE(serving.run_until_answered({nothing}));
  CHECK(serving.stream(nothing).over == ErrorCode::internal_error);
}

TEST_CASE("h2 session: one that is answered before its request is whole is told to stop", "[h2]") {
  Serving serving;
  serving.start();
  const StreamId id = serving.request("POST", "/early", kOpenEnded);
  serving.stream(id).say("some", false);
  REQUIRE(serving.run_until_answered({id}));
  CHECK(serving.stream(id).received == "hello");
  CHECK(serving.stream(id).has_ended);
  CHECK(serving.stream(id).over == ErrorCode::no_error);
}

TEST_CASE("h2 session: a request that is malformed is refused, or its stream reset; it is an exchange all the same",
          "[h2]") {
  Serving serving;
  serving.start();
  serving.turn();
  SECTION("the edge refuses it") {
    const StreamId id = serving.get("/a#b");
    REQUIRE(serving.run_until_answered({id}));
    CHECK(serving.stream(id).heads.at(0) == FieldList{{":status", "400"}});
    CHECK(serving.handler.served.at(0).parse_failure == Failure::bad_request);
  }
  SECTION("the codec does") {
    http::RequestHead head;
    head.method = "GET";
    head.target = "/";
    head.authority = "a.test";
    head.fields.add("connection", "close");
    const StreamId id = serving.client.peer.request(head).value();
    REQUIRE(serving.run_until([&] { return serving.handler.served.size() == 1; }));
    REQUIRE(serving.run_until([&] { return serving.handler.served[0].is_over; }));
    CHECK(serving.handler.served[0].parse_failure == Failure::bad_request);
    REQUIRE(serving.run_until_answered({id}));
    CHECK(serving.stream(id).over == ErrorCode::protocol_error);
  }
}

TEST_CASE("h2 session: a head that never became whole is served as malformed once its client is gone", "[h2]") {
  Serving serving;
  serving.start();
  serving.turn();
  serving.client.send_raw(headers(1, tests::get("/cut")).substr(0, 30));
  serving.turn();
  CHECK(serving.handler.served.empty());
  serving.client.close();
  REQUIRE(serving.run_until([&] { return serving.is_over; }));
  REQUIRE(serving.handler.served.size() == 1);
  CHECK(serving.handler.served[0].parse_failure == Failure::bad_request);
  CHECK(serving.handler.served[0].failure == Failure::client_closed);
}

TEST_CASE("h2 session: trailers with a name that decides something are refused", "[h2]") {
  Serving serving;
  serving.start();
  for (const char* name : {"host", "x-forwarded-for", "authorization", "e2b-traffic-access-token"}) {
    INFO(name);
    http::Fields trailers;
    trailers.add(name, "0");
    const StreamId id = serving.request("POST", "/echo", kOpenEnded);
    serving.stream(id).say("some", true, &trailers);
    REQUIRE(serving.run_until_answered({id}));
    REQUIRE(serving.run_until([&] { return serving.handler.served.back().is_over; }));
    CHECK(serving.handler.served.back().failure == Failure::bad_request);
    CHECK_FALSE(serving.stream(id).has_ended);
  }
}

TEST_CASE("h2 session: more streams than there may be are refused, and counted", "[h2]") {
  Serving serving(with_limits([](config::Config& config) { config.limits.streams_per_connection = 3; }));
  serving.start();
  std::vector<StreamId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(serving.get("/wait"));  // Before the limit was heard of.
  REQUIRE(serving.run_until([&] { return serving.handler.waiting == 3; }));
  serving.turn();
  CHECK(serving.handler.most_at_once == 3);
  serving.handler.let_go();
  REQUIRE(serving.run_until_answered({ids[0], ids[1], ids[2]}));
  for (std::size_t i = 3; i < 5; ++i) {
    REQUIRE(serving.run_until([&] { return serving.is_answered(ids[i]) || serving.handler.waiting > 0; }));
    serving.handler.let_go();
    REQUIRE(serving.run_until_answered({ids[i]}));
    const bool is_refused = serving.stream(ids[i]).over == ErrorCode::refused_stream;
    const bool is_served_later = serving.stream(ids[i]).received == "hello";
    CHECK((is_refused || is_served_later));
  }
  CHECK(serving.handler.most_at_once == 3);
}

}  // namespace sandgate::proxy::h2

#include <tests/unit/proxy/h2/session_fixture.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::h2 {
namespace {

using namespace tests;
using std::chrono::milliseconds;

using Goaways = std::vector<std::uint32_t>;

constexpr std::uint32_t kNoLast = 0x7fffffff;

config::Config with(void (*change)(config::Config&)) {
  config::Config config = config::default_config();
  change(config);
  return config;
}

}  // namespace

TEST_CASE("h2 session: a drain ends it in two steps, and loses no request that was on its way", "[h2]") {
  Serving serving;
  serving.start();
  const StreamId first = serving.get("/wait");
  REQUIRE(serving.run_until([&] { return serving.handler.waiting == 1; }));
  serving.client.reads = false;
  serving.session().drain();
  serving.session().drain();
  const StreamId second = serving.get("/hello");  // Sent before that was read.
  REQUIRE(serving.run_until([&] { return serving.handler.served.size() == 2; }));
  serving.client.reads = true;
  REQUIRE(serving.run_until_answered({second}));
  CHECK(serving.stream(second).received == "hello");
  CHECK(serving.client.goaways == Goaways{kNoLast});
  REQUIRE(serving.run_until([&] { return serving.client.goaways.size() == 2; }));  // After a second.
  CHECK(serving.client.goaways.back() == static_cast<std::uint32_t>(second));
  CHECK_FALSE(serving.client.has_ended);
  serving.handler.let_go();
  REQUIRE(serving.run_until_answered({first}));
  CHECK(serving.stream(first).received == "hello");
  REQUIRE(serving.run_until([&] { return serving.client.has_ended; }));
}

TEST_CASE("h2 session: during a drain one begins with its announcement", "[h2]") {
  Serving serving;
  serving.drain = DrainPhase::finishing;
  serving.start();
  REQUIRE(serving.run_until([&] { return !serving.client.goaways.empty(); }));
  CHECK(serving.client.goaways == Goaways{kNoLast});
}

TEST_CASE("h2 session: after as many exchanges as it may carry it says so, and serves those on their way", "[h2]") {
  Serving serving(with([](config::Config& config) { config.limits.exchanges_per_connection = 3; }));
  serving.start();
  std::vector<StreamId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(serving.get("/hello"));
  REQUIRE(serving.run_until_answered(ids));
  for (const StreamId id : ids) CHECK(serving.stream(id).received == "hello");
  REQUIRE(serving.run_until([&] { return serving.client.has_ended; }));
  CHECK(serving.client.goaways == Goaways{kNoLast, static_cast<std::uint32_t>(ids.back())});
}

TEST_CASE("h2 session: one that is idle for long enough is ended in order", "[h2]") {
  Serving serving(with([](config::Config& config) { config.timeouts.client_idle = milliseconds(20); }));
  serving.start();
  const StreamId id = serving.get("/hello");
  REQUIRE(serving.run_until_answered({id}));
  REQUIRE(serving.run_until([&] { return serving.client.has_ended; }));
  CHECK(serving.client.goaways == Goaways{static_cast<std::uint32_t>(id)});
}

TEST_CASE("h2 session: one whose only request was reset is idle after it", "[h2]") {
  Serving serving(with([](config::Config& config) { config.timeouts.client_idle = milliseconds(20); }));
  serving.start();
  http::RequestHead head;
  head.method = "GET";
  head.target = "/";
  head.authority = "a.test";
  head.fields.add("connection", "close");
  const StreamId id = serving.client.peer.request(head).value();
  REQUIRE(serving.run_until_answered({id}));
  CHECK(serving.stream(id).over == ErrorCode::protocol_error);
  REQUIRE(serving.run_until([&] { return serving.client.has_ended; }));
  CHECK(serving.client.goaways == Goaways{static_cast<std::uint32_t>(id)});
}

TEST_CASE("h2 session: one that carries something is not idle", "[h2]") {
  Serving serving(with([](config::Config& config) { config.timeouts.client_idle = milliseconds(8); }));
  serving.start();
  const StreamId id = serving.get("/wait");
  REQUIRE(serving.run_until([&] { return serving.handler.waiting == 1; }));
  const TimePoint begun = serving.loop.now();
  REQUIRE(serving.run_until([&] { return serving.loop.now() - begun > milliseconds(50); }));
  CHECK(serving.client.goaways.empty());
  serving.handler.let_go();
  REQUIRE(serving.run_until_answered({id}));
  CHECK(serving.stream(id).received == "hello");
}

TEST_CASE("h2 session: a client that says nothing is not waited for", "[h2]") {
  Serving serving(with([](config::Config& config) { config.timeouts.client_head = milliseconds(20); }));
  serving.client.reads = false;
  serving.start();
  const std::string unsent = serving.client.peer.produce();  // Its preface is never sent.
  CHECK_FALSE(unsent.empty());
  serving.client.reads = true;
  REQUIRE(serving.run_until([&] { return serving.client.has_ended; }));
}

TEST_CASE("h2 session: a head that takes too long ends the connection", "[h2]") {
  Serving serving(with([](config::Config& config) { config.timeouts.client_head = milliseconds(20); }));
  serving.start();
  serving.turn();
  const StreamId other = serving.get("/wait");
  REQUIRE(serving.run_until([&] { return serving.handler.waiting == 1; }));
  serving.client.send_raw(headers(3, tests::get("/slow")).substr(0, 20));
  REQUIRE(serving.run_until([&] { return serving.is_over; }));
  CHECK(serving.handler.served.at(0).was_client_gone);
  CHECK(serving.handler.served.at(1).parse_failure == Failure::bad_request);
  static_cast<void>(other);
}

TEST_CASE("h2 session: a limit that is used up ends every stream, says why, and is counted once", "[h2]") {
  Serving serving;
  serving.start();
  serving.get("/wait");
  REQUIRE(serving.run_until([&] { return serving.handler.waiting == 1; }));
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += settings();
  serving.client.send_raw(flood);
  REQUIRE(serving.run_until([&] { return serving.client.has_ended; }));
  CHECK(serving.handler.served.at(0).was_client_gone);
  CHECK(serving.handler.served.at(0).is_over);
  serving.client.close();
  REQUIRE(serving.run_until([&] { return serving.is_over; }));
  CHECK(serving.limit(LimitLabel::h2_settings) == 1);
}

TEST_CASE("h2 session: a head that is absurd ends the connection", "[h2]") {
  Serving serving(with([](config::Config& config) { config.limits.head_bytes = config::kibibytes(4); }));
  serving.start();
  http::RequestHead head;
  head.method = "GET";
  head.target = "/";
  head.authority = "a.test";
  const std::string value(1000, 'x');
  const bool is_absurd = GENERATE(false, true);
  for (int i = 0; i < (is_absurd ? 20 : 10); ++i) head.fields.add("a", value);
  const StreamId id = serving.client.peer.request(head).value();
  if (is_absurd) {
    REQUIRE(serving.run_until([&] { return serving.client.has_ended; }));
    serving.client.close();
    REQUIRE(serving.run_until([&] { return serving.is_over; }));
    CHECK(serving.limit(LimitLabel::head_bytes) == 1);
  } else {
    REQUIRE(serving.run_until_answered({id}));
    CHECK(serving.handler.served.at(0).parse_failure == Failure::head_too_large);
    CHECK(serving.limit(LimitLabel::head_bytes) == 0);
  }
}

TEST_CASE("h2 session: a connection beyond a limit answers its first request with that, and ends", "[h2]") {
  Serving serving;
  serving.start(Failure::client_limit);
  const StreamId id = serving.get("/hello");
  REQUIRE(serving.run_until_answered({id}));
  CHECK(serving.handler.served.at(0).parse_failure == Failure::client_limit);
  REQUIRE(serving.run_until([&] { return serving.client.has_ended; }));
  CHECK(serving.client.goaways == Goaways{static_cast<std::uint32_t>(id)});
}

TEST_CASE("h2 session: a connection beyond a limit takes no second request while the first is still answered", "[h2]") {
  Serving serving;
  serving.start(Failure::client_limit);
  const StreamId id = serving.request("POST", "/hello", {http::BodyLength::Kind::until_end});
  REQUIRE(serving.run_until([&] { return !serving.client.goaways.empty(); }));
  CHECK_FALSE(serving.is_answered(id));
  CHECK(serving.client.goaways == Goaways{static_cast<std::uint32_t>(id)});
}

TEST_CASE("h2 session: a client that takes nothing for client_write is gone", "[h2]") {
  Serving serving(with([](config::Config& config) { config.timeouts.client_write = milliseconds(30); }));
  serving.start();
  SECTION("it gives no credit") {
    const StreamId id = serving.get("/bytes?10000000");
    REQUIRE(serving.run_until([&] { return !serving.handler.served.empty() && serving.handler.served[0].is_over; }));
    CHECK(serving.handler.served[0].failure == Failure::client_write_timeout);
    CHECK(serving.limit(LimitLabel::h2_stalled_streams) == 1);
    REQUIRE(serving.run_until_answered({id}));
    const StreamId next = serving.get("/hello");  // Only that stream is over.
    static_cast<void>(next);
  }
  SECTION("it reads nothing from the socket") {
    for (int i = 0; i < 50; ++i) serving.get("/bytes?1000000");
    serving.client.move();
    serving.client.reads = false;
    REQUIRE(serving.run_until([&] { return serving.is_over; }));
  }
}

TEST_CASE("h2 session: a client that goes away in the middle of everything leaves nothing behind", "[h2]") {
  Serving serving;
  serving.start();
  std::vector<StreamId> ids;
  for (int i = 0; i < 30; ++i) {
    ids.push_back(serving.get(i % 3 == 0 ? "/wait" : i % 3 == 1 ? "/bytes?5000000" : "/hello"));
  }
  REQUIRE(serving.run_until([&] { return serving.handler.waiting == 10; }));
  serving.client.close();
  REQUIRE(serving.run_until([&] { return serving.is_over; }));
  CHECK(serving.handler.served.size() == 30);
  for (const ExchangeRecord& one : serving.handler.served) CHECK(one.is_over);
  CHECK(serving.buffers.leased_bytes() == 0);
  CHECK(serving.metrics.client_connections[static_cast<std::size_t>(ClientState::active)].value() == 0);
}

}  // namespace sandgate::proxy::h2

#include <tests/unit/proxy/upstream/h2_links_fixture.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

namespace sandgate::proxy::upstream {
namespace {

constexpr std::uint32_t kSandboxStreams = 3;

/// What all of them failed with; nothing when some did not, or not alike.
std::optional<Failure> shared_failure(const std::deque<Caller>& callers) {
  const bool is_shared = std::all_of(callers.begin(), callers.end(),
                                     [&](const Caller& caller) { return caller.failure == callers.front().failure; });
  return is_shared ? callers.front().failure : std::nullopt;
}

}  // namespace

TEST_CASE("h2 links: a hundred that come at once make one connection", "[pool]") {
  Links links;
  for (int i = 0; i < 100; ++i) links.open();
  CHECK(links.dialler.dials == 1);
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  CHECK(links.dialler.dials == 1);
  for (const Caller& caller : links.callers) CHECK(caller.link == links.callers.front().link);
}

TEST_CASE("h2 links: who comes later finds the connection that is there", "[pool]") {
  Links links;
  links.open();
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  links.open();
  CHECK(links.callers.back().is_done());
  CHECK(links.dialler.dials == 1);
}

TEST_CASE("h2 links: those who wait share the failure of the dial", "[pool]") {
  for (const Failure failure : {Failure::port_closed, Failure::sandbox_unreachable, Failure::route_changed}) {
    Links links;
    for (int i = 0; i < 10; ++i) links.open();
    links.dialler.fail(failure);
    REQUIRE(links.run_until_all_done());
    CHECK(shared_failure(links.callers) == failure);
    CHECK(links.dialler.dials == 1);
    links.open();  // It is no verdict for ever.
    CHECK(links.dialler.dials == 2);
    links.dialler.succeed();
    REQUIRE(links.run_until_all_done());
    CHECK(links.callers.back().upstream);
  }
}

TEST_CASE("h2 links: when the one that dials goes away, the next of those who wait dials", "[pool]") {
  Links links;
  for (int i = 0; i < 5; ++i) links.open();
  links.callers.front().attempt.abandon();
  REQUIRE(links.run_until([&] { return links.dialler.dials == 2; }));
  CHECK(links.callers.front().failure == Failure::client_closed);
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  CHECK(links.dialler.dials == 2);
  for (std::size_t i = 1; i < 5; ++i) CHECK(links.callers[i].upstream);
}

TEST_CASE("h2 links: one that waits and goes away leaves the others alone", "[pool]") {
  Links links;
  for (int i = 0; i < 5; ++i) links.open();
  links.callers[2].attempt.abandon();
  REQUIRE(links.run_until([&] { return links.callers[2].is_done(); }));
  CHECK(links.callers[2].failure == Failure::client_closed);
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  CHECK(links.dialler.dials == 1);
}

TEST_CASE("h2 links: all of them going away at once ends in nothing, and the next begins anew", "[pool]") {
  Links links;
  for (int i = 0; i < 5; ++i) links.open();
  for (Caller& caller : links.callers) caller.attempt.abandon();
  REQUIRE(links.run_until_all_done());
  CHECK(shared_failure(links.callers) == Failure::client_closed);
  links.open();
  CHECK(links.dialler.dialling() == 1);
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  CHECK(links.callers.back().upstream);
}

TEST_CASE("h2 links: a connection that has as many streams as the sandbox takes is not used for another", "[pool]") {
  Links links;
  links.dialler.sandbox_setting.streams = kSandboxStreams;
  links.open();
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  const h2::Connection& connection = links.callers.front().link->connection();
  REQUIRE(links.run_until([&] { return connection.codec().peer_streams() == kSandboxStreams; }));
  for (std::uint32_t i = 1; i < kSandboxStreams; ++i) links.open();
  CHECK(links.dialler.dials == 1);
  for (int i = 0; i < 5; ++i) links.open();
  CHECK(links.dialler.dials == 2);
  links.dialler.succeed();
  links.turn();
  CHECK(links.callers[3].link != links.callers[2].link);
  // A stream that is over makes room.
  links.callers[0].upstream.reset();
  links.open();
  CHECK(links.callers.back().link == links.callers[1].link);
}

TEST_CASE("h2 links: one that was told GOAWAY serves what it has and takes no more", "[pool]") {
  Links links;
  Caller& first = links.open();
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  links.ask(first);
  tests::H2Wire& sandbox = links.dialler.sandboxes.front();
  REQUIRE(links.run_until([&] { return sandbox.peer.has(1); }));
  sandbox.peer.codec.shut_down();
  REQUIRE(links.run_until([&] { return !first.link->has_room(); }));
  Caller& second = links.open();
  CHECK(links.dialler.dials == 2);
  links.dialler.succeed();
  REQUIRE(links.run_until([&] { return second.is_done(); }));
  CHECK(second.link != first.link);
  http::ResponseHead answer;
  answer.status = 204;
  sandbox.peer.codec.respond(1, answer, true);
  REQUIRE(links.run_until([&] { return first.head_read.has_value(); }));
  CHECK(first.head_read->has_value());
  CHECK(first.head.status == 204);
  first.upstream.reset();
  REQUIRE(links.run_until([&] { return links.dialler.discarded == 1; }));
}

TEST_CASE("h2 links: the end of a generation ends its connections and no others", "[pool]") {
  Links links;
  Caller& old = links.open();
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  links.destination.route = Links::route("two");
  Caller& fresh = links.open();
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  CHECK(links.dialler.dials == 2);  // Never across generations.
  links.ask(old);
  links.ask(fresh);
  links.turn();
  links.links.end_generation(*routing::SandboxId::parse("other"), "x");
  links.links.end_generation(*routing::SandboxId::parse("sbx1"), "two");
  REQUIRE(links.run_until([&] { return old.head_read.has_value(); }));
  CHECK(old.head_read->error() == Failure::sandbox_reset);
  CHECK_FALSE(fresh.head_read);
  CHECK(fresh.link->has_room());
  old.upstream.reset();
  REQUIRE(links.run_until([&] { return links.dialler.discarded == 1; }));
}

TEST_CASE("h2 links: a sandbox that closes its connection fails every stream on it, and the next is on another",
          "[pool]") {
  Links links;
  for (int i = 0; i < 5; ++i) links.open();
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  for (Caller& caller : links.callers) links.ask(caller);
  links.turn();
  links.dialler.sandboxes.front().close();
  for (Caller& caller : links.callers) {
    REQUIRE(links.run_until([&] { return caller.head_read.has_value(); }));
    CHECK(caller.head_read->error() == Failure::sandbox_reset);
    CHECK(caller.upstream->is_untouched());
  }
  links.open();
  CHECK(links.dialler.dials == 2);
}

TEST_CASE("h2 links: fresh ones that are dialled at the same time do not disturb each other", "[pool]") {
  Links links;
  Caller& first = links.open(Reuse::fresh_only);
  Caller& second = links.open(Reuse::fresh_only);
  Caller& third = links.open(Reuse::fresh_only);
  REQUIRE(links.dialler.dialling() == 3);
  SECTION("all fail") {
    for (int i = 0; i < 3; ++i) {
      links.dialler.fail(Failure::port_closed);
      links.turn();
    }
    CHECK(shared_failure(links.callers) == Failure::port_closed);
  }
  SECTION("the first one's connection ends before the others are there") {
    links.dialler.succeed();
    REQUIRE(links.run_until([&] { return first.is_done(); }));
    first.upstream.reset();
    links.dialler.sandboxes.front().close();
    REQUIRE(links.run_until([&] { return links.dialler.discarded == 1; }));
    links.dialler.succeed();
    links.dialler.fail(Failure::port_closed);
    REQUIRE(links.run_until([&] { return second.is_done() && third.is_done(); }));
    CHECK(second.upstream);
    CHECK(third.failure == Failure::port_closed);
  }
  SECTION("who may share waits for all of them") {
    Caller& patient = links.open();
    links.dialler.fail(Failure::port_closed);
    links.turn();
    CHECK(links.dialler.dials == 3);
    links.dialler.succeed();
    links.dialler.succeed();
    REQUIRE(links.run_until([&] { return second.is_done() && third.is_done(); }));
    links.turn();
    CHECK(patient.is_done());
  }
}

TEST_CASE("h2 links: a connection that is dead when it comes fails its stream and is gone", "[pool]") {
  Links links;
  Caller& caller = links.open();
  links.dialler.succeed_closed();
  REQUIRE(links.run_until([&] { return caller.is_done(); }));
  if (caller.upstream) {
    links.ask(caller);
    REQUIRE(links.run_until([&] { return caller.head_read.has_value(); }));
    CHECK(caller.head_read->error() == Failure::sandbox_reset);
    caller.upstream.reset();
    REQUIRE(links.run_until([&] { return links.dialler.discarded == 1; }));
  }
}

TEST_CASE("h2 links: one that carries nothing rests, and goes when its rest is over", "[pool]") {
  Links links;
  config::Config config = config::default_config();
  config.timeouts.sandbox_idle = std::chrono::milliseconds(20);
  links.config = std::make_shared<const config::Config>(config);
  Caller& caller = links.open();
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  caller.upstream.reset();
  CHECK(links.dialler.discarded == 0);
  REQUIRE(links.run_until([&] { return links.dialler.discarded == 1; }));
  CHECK(links.dialler.sandboxes.front().peer.last_of_goaway == 0);  // In order.
}

TEST_CASE("h2 links: a sandbox that takes nothing holds few heads of requests that were given up, and not for long",
          "[pool]") {
  Links links;
  links.open();
  links.dialler.succeed();
  REQUIRE(links.run_until_all_done());
  links.dialler.sandboxes.front().reads = false;
  int given_up = 0;
  for (; given_up < 100 && links.dialler.dials == 1; ++given_up) {
    Caller& caller = links.callers.back();
    links.ask(caller, 60 * 1024);
    links.turn(2);
    caller.upstream->abort();
    links.turn(2);
    links.open();
  }
  CHECK(given_up < 40);  // What the kernel takes, a block, and 16 more.
  CHECK(links.dialler.dials == 2);
  for (Caller& caller : links.callers) caller.upstream.reset();
  CHECK(links.run_until([&] { return links.dialler.discarded == 1; }));
}

}  // namespace sandgate::proxy::upstream

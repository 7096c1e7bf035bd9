#include <proxy/registry/question.hpp>
#include <proxy/registry/redis/flights.hpp>

#include <catch2/catch.hpp>

#include <memory>

namespace sandgate::proxy::registry::redis {
namespace {

using std::chrono::seconds;

const SandboxId kId = *SandboxId::parse("demo");
const TimePoint kStart = TimePoint() + seconds(1000);

class NoResolver final : public Resolver {
  void resolve(Question& /*question*/) override {}
};

struct Fixture {
  NoResolver resolver;
  Loop loop;
  Question first{resolver, loop, kId, kStart + seconds(1)};
  Question second{resolver, loop, kId, kStart + seconds(2)};
  Flights flights;

  void join(Question& question) { REQUIRE(flights.join(kId, &question, question.deadline())); }
};

using Questions = std::vector<Question*>;

TEST_CASE("flights: one read answers everybody who waits", "[redis]") {
  Fixture f;
  f.join(f.first);
  CHECK(f.flights.is_waiting_to_be_sent(kId));
  f.flights.sent(kId);
  CHECK_FALSE(f.flights.is_waiting_to_be_sent(kId));
  f.join(f.second);
  const Landed landed = f.flights.landed(kId, true);
  CHECK(landed.landing == Landing::keep);
  CHECK(landed.answered == Questions{&f.first, &f.second});
  CHECK_FALSE(landed.must_send);
  CHECK(f.flights.size() == 0);
  CHECK(f.flights.next_deadline() == kNever);
}

TEST_CASE("flights: a change while it is under way voids the reply", "[redis]") {
  Fixture f;
  f.join(f.first);
  f.flights.sent(kId);
  f.flights.invalidated(kId);
  const Landed landed = f.flights.landed(kId, true);
  CHECK(landed.landing == Landing::again);
  CHECK(landed.answered.empty());
  CHECK(landed.must_send);
  f.flights.sent(kId);
  CHECK(f.flights.landed(kId, true).answered == Questions{&f.first});
}

TEST_CASE("flights: a change before it is sent voids nothing", "[redis]") {
  Fixture f;
  f.join(f.first);
  f.flights.invalidated_all();
  f.flights.sent(kId);
  CHECK(f.flights.landed(kId, true).landing == Landing::keep);
}

TEST_CASE("flights: an id that changes with every read answers those who asked before it was read", "[redis]") {
  Fixture f;
  f.join(f.first);
  for (int round = 1; round < Flights::kMostRounds; ++round) {
    f.flights.sent(kId);
    f.flights.invalidated(kId);
    REQUIRE(f.flights.landed(kId, true).landing == Landing::again);
  }
  f.flights.sent(kId);
  f.join(f.second);  // It may have asked after the change.
  f.flights.invalidated(kId);
  const Landed landed = f.flights.landed(kId, true);
  CHECK(landed.landing == Landing::once);
  CHECK(landed.answered == Questions{&f.first});
  CHECK(landed.must_send);
  f.flights.sent(kId);
  CHECK(f.flights.landed(kId, true).answered == Questions{&f.second});
}

TEST_CASE("flights: a lost connection leaves it to be sent again", "[redis]") {
  Fixture f;
  f.join(f.first);
  f.flights.sent(kId);
  f.flights.lost(kId);
  CHECK(f.flights.is_waiting_to_be_sent(kId));
}

TEST_CASE("flights: each question is let go at its own deadline", "[redis]") {
  Fixture f;
  f.join(f.first);
  f.join(f.second);
  CHECK(f.flights.next_deadline() == kStart + seconds(1));
  CHECK(f.flights.take_late(kStart).empty());
  CHECK(f.flights.take_late(kStart + seconds(1)) == Questions{&f.first});
  CHECK(f.flights.size() == 1);
  CHECK(f.flights.take_late(kStart + seconds(2)) == Questions{&f.second});
  CHECK(f.flights.size() == 0);
}

TEST_CASE("flights: a read nobody waits for any longer still lands", "[redis]") {
  Fixture f;
  f.join(f.first);
  f.flights.sent(kId);
  CHECK(f.flights.take_late(kStart + seconds(1)) == Questions{&f.first});
  CHECK(f.flights.size() == 1);
  const Landed landed = f.flights.landed(kId, true);
  CHECK(landed.landing == Landing::keep);
  CHECK(landed.answered.empty());
}

TEST_CASE("flights: a reply to a flight that is over is kept from nobody", "[redis]") {
  Fixture f;
  CHECK(f.flights.landed(kId, true).answered.empty());
}

TEST_CASE("flights: there is a most", "[redis]") {
  Fixture f;
  for (std::size_t i = 0; i < Flights::kMost; ++i) {
    REQUIRE(f.flights.join(*SandboxId::parse("s" + std::to_string(i)), nullptr, kNever));
  }
  CHECK_FALSE(f.flights.join(kId, &f.first, f.first.deadline()));
  f.flights.forget_unasked();
  CHECK(f.flights.join(kId, &f.first, f.first.deadline()));
}

}  // namespace
}  // namespace sandgate::proxy::registry::redis

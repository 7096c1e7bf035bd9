#include <proxy/base/deadline.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <random>
#include <vector>

namespace sandgate::proxy {
namespace {

using std::chrono::milliseconds;

class Bell final : public Deadline {
 public:
  Bell() : Deadline(&ring) {}
  int rings = 0;

 private:
  static void ring(Deadline& self) { ++static_cast<Bell&>(self).rings; }
};

const TimePoint kStart{};

}  // namespace

TEST_CASE("deadline: it fires once, never early, at most a tick late", "[deadline]") {
  for (const int delay : {1, 7, 8, 9, 100, 5'000, 8'191, 8'192, 8'200, 60'000, 3'600'000}) {
    DeadlineWheel wheel(kStart);
    Bell bell;
    wheel.arm(bell, kStart + milliseconds(delay));
    wheel.advance(kStart + milliseconds(delay - 1));
    CHECK(bell.rings == 0);
    wheel.advance(kStart + milliseconds(delay) + DeadlineWheel::kTick);
    CHECK(bell.rings == 1);
    wheel.advance(kStart + milliseconds(delay * 3));
    CHECK(bell.rings == 1);
  }
}

TEST_CASE("deadline: arming again replaces, disarming and destroying silence it", "[deadline]") {
  DeadlineWheel wheel(kStart);
  Bell moved;
  Bell silenced;
  auto destroyed = std::make_unique<Bell>();
  for (Bell* bell : {&moved, &silenced, destroyed.get()}) wheel.arm(*bell, kStart + milliseconds(50));
  wheel.arm(moved, kStart + milliseconds(500));
  silenced.disarm();
  destroyed.reset();
  wheel.advance(kStart + milliseconds(200));
  CHECK(moved.rings == 0);
  CHECK(silenced.rings == 0);
  wheel.advance(kStart + milliseconds(600));
  CHECK(moved.rings == 1);
}

TEST_CASE("deadline: one in the past fires in the next advance, not a turn later", "[deadline]") {
  DeadlineWheel wheel(kStart);
  wheel.advance(kStart + milliseconds(1'000));
  Bell bell;
  wheel.arm(bell, kStart + milliseconds(10));
  wheel.advance(kStart + milliseconds(1'000) + 2 * DeadlineWheel::kTick);
  CHECK(bell.rings == 1);
}

TEST_CASE("deadline: the wait is as long as nothing can be due", "[deadline]") {
  DeadlineWheel wheel(kStart);
  CHECK(wheel.until_next(kStart) < milliseconds(0));
  Bell bell;
  wheel.arm(bell, kStart + milliseconds(100));
  const auto wait = wheel.until_next(kStart);
  CHECK(wait >= milliseconds(100));
  CHECK(wait <= milliseconds(100) + 2 * DeadlineWheel::kTick);
  bell.disarm();
  CHECK(wheel.until_next(kStart) < milliseconds(0));
}

TEST_CASE("deadline: whatever is armed and moved at random, each fires in its tick", "[deadline]") {
  std::mt19937 random(7);
  DeadlineWheel wheel(kStart);
  std::vector<std::unique_ptr<Bell>> bells;
  std::vector<milliseconds> due;
  for (int i = 0; i < 500; ++i) {
    bells.push_back(std::make_unique<Bell>());
    due.emplace_back(1 + random() % 20'000);
    wheel.arm(*bells.back(), kStart + due.back());
  }
  for (milliseconds now(0); now < milliseconds(21'000); now += milliseconds(1 + random() % 40)) {
    wheel.advance(kStart + now);
    for (std::size_t i = 0; i < bells.size(); ++i) {
      if (due[i] > now) REQUIRE(bells[i]->rings == 0);
      if (due[i] + DeadlineWheel::kTick <= now) REQUIRE(bells[i]->rings == 1);
    }
  }
}

}  // namespace sandgate::proxy

#include <proxy/h2/window.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::h2 {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kSize = 1000;
constexpr std::uint32_t kMost = 5000;
const TimePoint kStart{std::chrono::hours(1)};

}  // namespace

TEST_CASE("window: passed on whole and quickly, it doubles up to its bound", "[h2]") {
  Window window(kSize, kMost);
  TimePoint now = kStart;
  CHECK(window.size() == kSize);
  CHECK(window.pass(kSize, true, now) == 2000U);
  CHECK(window.pass(2000, true, now) == 4000U);
  CHECK(window.pass(4000, true, now) == kMost);
  CHECK(window.pass(kMost, true, now) == std::nullopt);
  CHECK(window.size() == kMost);
}

TEST_CASE("window: it is measured from the first byte of a turn to the one that makes it whole", "[h2]") {
  Window window(kSize, kMost);
  CHECK(window.pass(400, true, kStart) == std::nullopt);
  CHECK(window.pass(400, true, kStart + milliseconds(100)) == std::nullopt);
  SECTION("in time") { CHECK(window.pass(200, true, kStart + Window::kQuick) == 2000U); }
  SECTION("too late") {
    CHECK(window.pass(200, true, kStart + Window::kQuick + milliseconds(1)) == std::nullopt);
    CHECK(window.size() == kSize);
    // The next turn is measured anew.
    CHECK(window.pass(kSize, true, kStart + std::chrono::hours(1)) == 2000U);
  }
}

TEST_CASE("window: a reader that had to wait at any time of a turn was not the brake", "[h2]") {
  Window window(kSize, kMost);
  CHECK(window.pass(400, false, kStart) == std::nullopt);
  CHECK(window.pass(300, true, kStart) == std::nullopt);
  CHECK(window.pass(300, false, kStart) == 2000U);
  CHECK(window.pass(2000, false, kStart) == std::nullopt);  // Each turn is judged by itself.
}

TEST_CASE("window: a reader that is behind never makes it grow", "[h2]") {
  Window window(kSize, kMost);
  for (int i = 0; i < 10; ++i) CHECK(window.pass(kSize, false, kStart) == std::nullopt);
  CHECK(window.size() == kSize);
}

TEST_CASE("window: one that is passed on in less than a whole is not the brake", "[h2]") {
  Window window(kSize, kMost);
  TimePoint now = kStart;
  for (int i = 0; i < 100; ++i) {
    now += milliseconds(100);
    CHECK(window.pass(100, true, now) == std::nullopt);
  }
}

TEST_CASE("window: a bound below its size is its size, and the largest does not overflow", "[h2]") {
  Window fixed(kSize, 10);
  CHECK(fixed.pass(kSize, true, kStart) == std::nullopt);
  CHECK(fixed.size() == kSize);
  constexpr std::uint32_t kLargest = 0x7fffffff;  // RFC 9113 6.9.1
  Window large(0x7ffffffe, kLargest);
  CHECK(large.pass(0x7ffffffe, true, kStart) == kLargest);
  CHECK(large.pass(kLargest, true, kStart) == std::nullopt);
}

}  // namespace sandgate::proxy::h2

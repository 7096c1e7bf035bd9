// backoff: how long to wait after a failure: 0.5 to 30 s, twice as long each time, with jitter, so that the edges of a
// cluster do not come back to its API server all at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace sandgate::proxy::registry::kubernetes {

class Backoff {
 public:
  static constexpr std::chrono::milliseconds kShortest{500};
  static constexpr std::chrono::milliseconds kLongest{30'000};

  explicit Backoff(std::uint32_t seed) : random_(seed) {}

  /// After one more failure. `wanted`: what the server asked for (Retry-After), heeded up to 30 s, and up to a quarter
  /// of it longer, since it asks everybody for the same.
  std::chrono::milliseconds next(std::chrono::milliseconds wanted = std::chrono::milliseconds::zero()) {
    const auto most = std::min(kLongest, 2 * kShortest * (1U << std::min(failures_, kMaxDoublings)));
    ++failures_;
    const auto asked = std::clamp(wanted, std::chrono::milliseconds::zero(), kLongest);
    return std::max(within(most / 2, most), within(asked, asked + asked / 4));
  }
  void reset() { failures_ = 0; }
  std::uint32_t failures() const { return failures_; }

 private:
  static constexpr std::uint32_t kMaxDoublings = 6;

  std::chrono::milliseconds within(std::chrono::milliseconds least, std::chrono::milliseconds most) {
    return std::chrono::milliseconds(std::uniform_int_distribution(least.count(), most.count())(random_));
  }

  std::minstd_rand random_;
  std::uint32_t failures_ = 0;
};

}  // namespace sandgate::proxy::registry::kubernetes

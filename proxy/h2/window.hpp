// window: how large a receive window should be (RFC 9113 5.2).
//
// A window bounds what a peer may have in flight, so on a long path it bounds the rate: a window a round trip. One that
// is passed on whole in less than kQuick, by a reader that had to wait for more meanwhile, was the brake itself, and
// doubles, up to a bound. A reader that is slow never has to wait, and never makes it grow. Pure.
#pragma once

#include <proxy/base/deadline.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace sandgate::proxy::h2 {

class Window {
 public:
  static constexpr std::chrono::milliseconds kQuick{250};  ///< Longer than a round trip around the earth.

  Window(std::uint32_t size, std::uint32_t most) : size_(size), most_(std::max(size, most)) {}

  /// `bytes` were passed on; `is_drained`: no more were waiting. The new size, when it grows.
  std::optional<std::uint32_t> pass(std::size_t bytes, bool is_drained, TimePoint now) {
    if (passed_ == 0) began_at_ = now;
    passed_ += bytes;
    was_drained_ = was_drained_ || is_drained;
    if (passed_ < size_) return std::nullopt;
    passed_ = 0;
    if (!std::exchange(was_drained_, false) || size_ == most_ || now - began_at_ > kQuick) return std::nullopt;
    size_ = std::min(most_ / 2 < size_ ? most_ : size_ * 2, most_);
    return size_;
  }
  std::uint32_t size() const { return size_; }

 private:
  std::uint32_t size_;
  std::uint32_t most_;
  std::uint64_t passed_ = 0;
  bool was_drained_ = false;
  TimePoint began_at_{};
};

}  // namespace sandgate::proxy::h2

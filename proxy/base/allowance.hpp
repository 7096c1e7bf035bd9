// allowance: a token bucket: how much of something is in order at once, and for long. Pure: time is an argument.
#pragma once

#include <proxy/base/deadline.hpp>

#include <algorithm>
#include <chrono>

namespace sandgate::proxy {

/// Time fills it up to its burst; what is given comes on top, and stays.
class Allowance {
 public:
  Allowance(double burst, double per_second) : burst_(burst), per_second_(per_second), left_(burst) {}

  /// False when it is used up.
  bool take(TimePoint now) {
    if (filled_at_ != TimePoint{} && now > filled_at_ && left_ < burst_) {
      left_ = std::min(burst_, left_ + std::chrono::duration<double>(now - filled_at_).count() * per_second_);
    }
    filled_at_ = now;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }
  void give(double tokens) { left_ += tokens; }

 private:
  double burst_;
  double per_second_;
  double left_;
  TimePoint filled_at_{};
};

}  // namespace sandgate::proxy

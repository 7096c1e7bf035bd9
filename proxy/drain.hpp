// drain: how the edge goes away (interface.md, drain). Pure: time is an argument.
//
//   serving ── begin ──▶ announcing ── drain_announce ──▶ finishing ── drain_grace ──▶ over
//                             └───────── begin again ───────────┴──────────────────────▶ over
//
// Announcing changes nothing but readyz, so that balancers stop sending; finishing accepts nothing and lets each
// connection end with its exchange; over ends what is left.
#pragma once

#include <proxy/base/deadline.hpp>
#include <proxy/session_host.hpp>

#include <chrono>

namespace sandgate::proxy {

class Drain {
 public:
  DrainPhase phase() const { return phase_; }

  /// The first call begins it, any later one ends it at once.
  void begin(TimePoint now, std::chrono::milliseconds announce, std::chrono::milliseconds grace) {
    if (phase_ != DrainPhase::serving) {
      phase_ = DrainPhase::over;
      next_ = kNever;
      return;
    }
    phase_ = DrainPhase::announcing;
    next_ = now + announce;
    grace_ = grace;
  }

  /// Takes every step that is due.
  void advance(TimePoint now) {
    if (phase_ == DrainPhase::announcing && now >= next_) {
      phase_ = DrainPhase::finishing;
      next_ = next_ + grace_;
    }
    if (phase_ == DrainPhase::finishing && now >= next_) {
      phase_ = DrainPhase::over;
      next_ = kNever;
    }
  }
  /// When `advance` has something to do; kNever: it has not.
  TimePoint next() const { return next_; }

 private:
  DrainPhase phase_ = DrainPhase::serving;
  TimePoint next_ = kNever;
  std::chrono::milliseconds grace_{0};
};

}  // namespace sandgate::proxy

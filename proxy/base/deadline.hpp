// deadline: timers as a coarse wheel: arming, re-arming and disarming are a relink of a list node.
//
// Resolution is kTick; a deadline never fires early and fires at most one tick (plus scheduling) late. A proxy arms and
// disarms several per request and almost none fires, so that is the path that must cost nothing.
#pragma once

#include <boost/intrusive/list.hpp>

#include <array>
#include <bitset>
#include <chrono>
#include <cstdint>

namespace sandgate::proxy {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
inline constexpr TimePoint kNever = TimePoint::max();

/// `now` plus `timeout`; zero is "off": never.
inline TimePoint after(TimePoint now, std::chrono::milliseconds timeout) {
  return timeout.count() == 0 ? kNever : now + timeout;
}

/// Something that happens when its time comes, unless it is disarmed or destroyed before.
class Deadline : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  using OnExpired = void (*)(Deadline&);
  explicit Deadline(OnExpired on_expired) : on_expired_(on_expired) {}

  bool is_armed() const { return is_linked(); }
  void disarm() {
    if (is_linked()) unlink();
  }

 protected:
  ~Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  friend class DeadlineWheel;
  OnExpired on_expired_;
  std::int64_t tick_ = 0;
};

class DeadlineWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{8};

  explicit DeadlineWheel(TimePoint start) : start_(start) {}

  /// Arms or re-arms. kNever disarms.
  void arm(Deadline& deadline, TimePoint at);
  /// Fires everything due at `now`. A callback may arm, disarm and destroy any deadline.
  void advance(TimePoint now);
  /// How long nothing can be due; negative when nothing is armed.
  std::chrono::milliseconds until_next(TimePoint now);

 private:
  static constexpr std::size_t kSlots = 1024;  // 8.2 s a turn; a later deadline stays in its slot for more turns.
  using List = boost::intrusive::list<Deadline, boost::intrusive::constant_time_size<false>>;

  std::int64_t tick_of(TimePoint at) const { return (at - start_) / kTick; }

  TimePoint start_;
  std::int64_t current_ = 0;  ///< Every tick up to this one has fired.
  std::bitset<kSlots> used_;  ///< Slots that may hold something.
  std::array<List, kSlots> slots_;
};

}  // namespace sandgate::proxy

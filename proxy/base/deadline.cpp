#include <proxy/base/deadline.hpp>

#include <algorithm>

namespace sandgate::proxy {

void DeadlineWheel::arm(Deadline& deadline, TimePoint at) {
  deadline.disarm();
  if (at == kNever) return;
  // One tick up, so that it never fires early; never into the past, where it would wait a whole turn.
  deadline.tick_ = std::max(tick_of(at) + 1, current_ + 1);
  const auto slot = static_cast<std::size_t>(deadline.tick_) % kSlots;
  slots_[slot].push_back(deadline);
  used_.set(slot);
}

void DeadlineWheel::advance(TimePoint now) {
  const std::int64_t target = tick_of(now);
  if (target <= current_) return;
  List due;
  const std::int64_t first = std::max(current_ + 1, target - static_cast<std::int64_t>(kSlots) + 1);
  for (std::int64_t tick = first; tick <= target; ++tick) {
    const auto slot = static_cast<std::size_t>(tick) % kSlots;
    if (!used_.test(slot)) continue;
    List& list = slots_[slot];
    for (auto it = list.begin(); it != list.end();) {
      Deadline& deadline = *it++;
      if (deadline.tick_ > target) continue;
      deadline.unlink();
      due.push_back(deadline);
    }
    if (list.empty()) used_.reset(slot);
  }
  current_ = target;
  while (!due.empty()) {
    Deadline& deadline = due.front();
    due.pop_front();
    deadline.on_expired_(deadline);
  }
}

std::chrono::milliseconds DeadlineWheel::until_next(TimePoint now) {
  if (used_.none()) return std::chrono::milliseconds(-1);
  for (std::int64_t tick = current_ + 1;; ++tick) {
    const auto slot = static_cast<std::size_t>(tick) % kSlots;
    if (!used_.test(slot)) continue;
    if (slots_[slot].empty()) {  // Everything in it was disarmed.
      used_.reset(slot);
      if (used_.none()) return std::chrono::milliseconds(-1);
      continue;
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(start_ + tick * kTick - now);
    return std::max(wait, std::chrono::milliseconds(0));
  }
}

}  // namespace sandgate::proxy

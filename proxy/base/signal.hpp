// signal: one coroutine waits until somebody says go, again and again, or until a deadline passes.
//
// A signal that is set while nobody waits is kept: the next wait goes straight on. `set` only schedules; it never runs
// the waiter inside the call.
#pragma once

#include <proxy/base/loop.hpp>

#include <coroutine>

namespace sandgate::proxy {

class Signal final : private Deadline {
 public:
  explicit Signal(Loop& loop) : Deadline(&expired), loop_(loop) {}

  void set() {
    is_set_ = true;
    resume();
  }

  struct Awaiter {
    Signal& signal;
    TimePoint deadline;
    bool await_ready() const { return signal.is_set_; }
    void await_suspend(std::coroutine_handle<> handle) {
      signal.waiter_.handle = handle;
      signal.loop_.arm(signal, deadline);
    }
    /// False: the deadline passed first.
    bool await_resume() { return std::exchange(signal.is_set_, false); }
  };
  Awaiter wait(TimePoint deadline = kNever) { return Awaiter{*this, deadline}; }

 private:
  static void expired(Deadline& self) { static_cast<Signal&>(self).resume(); }
  void resume() {
    if (!waiter_.handle) return;
    disarm();
    loop_.schedule(waiter_);
  }

  Loop& loop_;
  Waiter waiter_;
  bool is_set_ = false;
};

}  // namespace sandgate::proxy

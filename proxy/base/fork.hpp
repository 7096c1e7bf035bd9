// fork: running a task beside its owner, tasks that end with their owner, and tasks nobody awaits.
//
// A Fork is a local of the coroutine that owns it: it starts at once, and the owner must `co_await join()` before the
// Fork goes out of scope, however it leaves: what the owner does in between must not throw, so it makes the tasks it
// awaits there before the Fork. Cancelling is the owner's business: it closes what the task waits on.
#pragma once

#include <proxy/base/loop.hpp>
#include <proxy/base/task.hpp>

#include <coroutine>
#include <cstdlib>

namespace sandgate::proxy {

/// One coroutine may wait for one signal. Set once.
class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}
  void set() {
    is_set_ = true;
    if (waiter_.handle) loop_.schedule(waiter_);
  }
  bool is_set() const { return is_set_; }

  bool await_ready() const { return is_set_; }
  void await_suspend(std::coroutine_handle<> handle) { waiter_.handle = handle; }
  void await_resume() const {}

 private:
  Loop& loop_;
  Waiter waiter_;
  bool is_set_ = false;
};

/// A coroutine on its own: runs at once, frees itself at its end. An exception that leaves it ends the process: whoever
/// starts one catches inside.
struct Detached {
  struct promise_type : SmallObject {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::abort(); }
  };
};

/// A coroutine that runs beside its owner and ends with it at the latest: destroying the Companion destroys what is
/// left of it, wherever it waits. An exception that leaves it ends the process, as above.
class Companion {
 public:
  struct promise_type : SmallObject {
    Companion get_return_object() { return Companion(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::abort(); }
  };

  Companion() = default;
  Companion(Companion&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Companion& operator=(Companion&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Companion() {
    if (handle_) handle_.destroy();
  }

 private:
  explicit Companion(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

class Fork {
 public:
  Fork(Loop& loop, Task<void> task) : done_(loop) { run(std::move(task), *this); }
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;

  bool is_done() const { return done_.is_set(); }

  /// Needs no memory, so that it never fails itself.
  struct Join {
    Fork& fork;
    bool await_ready() const { return fork.done_.await_ready(); }
    void await_suspend(std::coroutine_handle<> handle) { fork.done_.await_suspend(handle); }
    void await_resume() const {
      if (fork.exception_) std::rethrow_exception(fork.exception_);
    }
  };
  /// Rethrows what the task threw.
  Join join() { return Join{*this}; }

 private:
  static Detached run(Task<void> task, Fork& fork) {
    try {
      co_await std::move(task);
    } catch (...) {
      fork.exception_ = std::current_exception();
    }
    fork.done_.set();
  }

  Event done_;
  std::exception_ptr exception_;
};

}  // namespace sandgate::proxy

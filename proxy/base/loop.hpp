// loop: one thread's readiness source: sockets, deadlines, and messages from other threads.
//
// A socket is registered once, edge-triggered, for both directions, and its readiness is remembered: reading is tried
// only when an event said there is something, so a request costs no EAGAIN and no epoll_ctl. Events of one wait are
// first all noted, then acted on: what runs second sees what the first event's handler closed.
//
//   wait → note every event in its EventSource → fire deadlines → take messages → resume what became ready
//     → write to services → write to clients
//
// What is written in a round is written at its end, one after the other (`after_others`): a peer that sleeps is woken
// once for several messages, and not again for each. Services come first: they work while answers are sealed and sent.
// In a short round there is little to gain, and what is written leaves at once.
//
// Asio keeps none of this and costs a third of the CPU of a relayed request (architecture: "what was measured").
#pragma once

#include <proxy/base/deadline.hpp>
#include <proxy/base/unique_fd.hpp>

#include <boost/intrusive/list.hpp>

#include <coroutine>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace sandgate::proxy {

/// Something that runs soon: in this round of the loop, never inside the call that made it ready.
class Runnable : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  using Run = void (*)(Runnable&);
  explicit Runnable(Run run) : run_(run) {}
  void cancel() {
    if (is_linked()) unlink();
  }

 protected:
  ~Runnable() = default;
  Runnable(const Runnable&) = delete;
  Runnable& operator=(const Runnable&) = delete;

 private:
  friend class Loop;
  Run run_;
};

/// A registered file descriptor. `note` may only remember and schedule; it never runs anything.
class EventSource {
 public:
  virtual void note(std::uint32_t epoll_events) = 0;

 protected:
  ~EventSource() = default;
};

/// Which way something is written.
enum class Toward : std::uint8_t { service, client };

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   ///< Until `stop`.
  void stop();  ///< On the loop's thread.
  /// One round; waits at most `longest` for something to happen. For tests and shutdown.
  void run_once(std::chrono::milliseconds longest);

  TimePoint now() const { return now_; }  ///< As of this round.
  void schedule(Runnable& runnable);      ///< No effect when it is scheduled already.
  void arm(Deadline& deadline, TimePoint at) { wheel_.arm(deadline, at); }

  /// co_await loop.after_others(toward): goes on when everything that became ready in this round has run, services
  /// first; at once when that is little. What is added while its own kind runs waits for the next round.
  class AfterOthers;
  AfterOthers after_others(Toward toward);

  /// Throws std::system_error. Closing the descriptor ends the registration.
  void watch(int fd, std::uint32_t epoll_events, EventSource& source);
  void unwatch(int fd);

  /// From any thread: `work` runs on the loop's.
  void post(std::function<void()> work);

 private:
  class Mailbox final : public EventSource {
   public:
    void note(std::uint32_t /*events*/) override { has_mail = true; }
    bool has_mail = false;
  };

  using Runnables = boost::intrusive::list<Runnable, boost::intrusive::constant_time_size<false>>;

  bool has_writes() const { return !toward_services_.empty() || !toward_clients_.empty(); }
  void take_mail();
  void run_scheduled();
  void run_all(Runnables& waiting);

  UniqueFd epoll_;
  UniqueFd mail_fd_;
  Mailbox mailbox_;
  std::mutex mutex_;
  std::vector<std::function<void()>> mail_;  ///< Guarded by mutex_.
  TimePoint now_;
  DeadlineWheel wheel_;
  Runnables scheduled_;
  Runnables toward_services_;  ///< What is to be written at the end of the round.
  Runnables toward_clients_;
  Runnables batch_;        ///< What is being run.
  bool is_short_ = false;  ///< This round: too little in it for a write to wait.
  bool is_running_ = false;
};

/// Resumes a coroutine from the loop. The one way a wait ends.
class Waiter final : public Runnable {
 public:
  Waiter() : Runnable(&resume) {}
  std::coroutine_handle<> handle;

 private:
  static void resume(Runnable& self) { std::exchange(static_cast<Waiter&>(self).handle, nullptr).resume(); }
};

/// co_await Yield(loop): lets everything else that is ready have its turn.
class Yield final {
 public:
  explicit Yield(Loop& loop) : loop_(loop) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_.handle = handle;
    loop_.schedule(waiter_);
  }
  void await_resume() const {}

 private:
  Loop& loop_;
  Waiter waiter_;
};

class Loop::AfterOthers final {
 public:
  AfterOthers(Loop& loop, Toward toward)
      : loop_(loop), queue_(toward == Toward::service ? loop.toward_services_ : loop.toward_clients_) {}
  bool await_ready() const { return (loop_.is_short_ || loop_.batch_.empty()) && !loop_.has_writes(); }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_.handle = handle;
    queue_.push_back(waiter_);
  }
  void await_resume() const {}

 private:
  Loop& loop_;
  Runnables& queue_;
  Waiter waiter_;
};

inline Loop::AfterOthers Loop::after_others(Toward toward) { return {*this, toward}; }

/// co_await sleep(loop, until)
class Sleep final : private Deadline {
 public:
  Sleep(Loop& loop, TimePoint until) : Deadline(&wake), loop_(loop), until_(until) {}
  bool await_ready() const { return until_ <= loop_.now(); }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_.handle = handle;
    loop_.arm(*this, until_);
  }
  void await_resume() const {}

 private:
  static void wake(Deadline& self) {
    auto& sleep = static_cast<Sleep&>(self);
    sleep.loop_.schedule(sleep.waiter_);
  }
  Loop& loop_;
  TimePoint until_;
  Waiter waiter_;
};

}  // namespace sandgate::proxy

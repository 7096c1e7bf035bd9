// question: a lookup that only the registry's source can answer, awaited by a worker's coroutine.
//
//   worker:   found = registry.find(id);  if unknown:  found = co_await registry.ask(loop, id, deadline);
//   source:   resolve(question) on the worker's thread → its own thread asks → question.answer(...) → the worker's loop
//
// A question is a temporary of the coroutine that waits, so it is answered exactly once, by its deadline at the latest:
// that is the source's promise. A lookup that needs no question costs none of this.
#pragma once

#include <proxy/base/loop.hpp>
#include <routing/route_table.hpp>

#include <coroutine>
#include <utility>

namespace sandgate::proxy::registry {

class Question;

/// A source that holds only a part of what there is.
class Resolver {
 public:
  /// On a worker's thread. `question` lives until it is answered.
  virtual void resolve(Question& question) = 0;

 protected:
  ~Resolver() = default;
};

class Question {
 public:
  Question(Resolver& resolver, Loop& loop, const routing::SandboxId& id, TimePoint deadline)
      : resolver_(resolver), loop_(loop), id_(id), deadline_(deadline) {}
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_.handle = handle;
    resolver_.resolve(*this);
  }
  /// found, not_found, invalid or unavailable.
  routing::Lookup await_resume() { return std::move(answer_); }

  const routing::SandboxId& id() const { return id_; }
  TimePoint deadline() const { return deadline_; }  ///< Then the answer is `unavailable`.
  /// From any thread.
  void answer(routing::Lookup lookup) {
    loop_.post([this, lookup = std::move(lookup)] {
      answer_ = lookup;
      loop_.schedule(waiter_);
    });
  }

 private:
  Resolver& resolver_;
  Loop& loop_;
  routing::SandboxId id_;
  TimePoint deadline_;
  Waiter waiter_;
  routing::Lookup answer_;
};

}  // namespace sandgate::proxy::registry

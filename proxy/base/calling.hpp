// calling: a deadline or a runnable that calls a member function of its owner, which holds it.
//
//   CallOnTime<&Worker::check_memory> memory_check_{*this};    loop.arm(memory_check_, at)
//   CallSoon<&Session::begin> cut_off_{*this};                 loop.schedule(cut_off_)
#pragma once

#include <proxy/base/deadline.hpp>
#include <proxy/base/loop.hpp>

namespace sandgate::proxy {

template <class Base, auto Method>
class Calling;

/// The function may destroy the owner.
template <class Base, class Owner, void (Owner::*Method)()>
class Calling<Base, Method> final : public Base {
 public:
  explicit Calling(Owner& owner) : Base(&call), owner_(owner) {}

 private:
  static void call(Base& self) { (static_cast<Calling&>(self).owner_.*Method)(); }
  Owner& owner_;
};

template <auto Method>
using CallOnTime = Calling<Deadline, Method>;
template <auto Method>
using CallSoon = Calling<Runnable, Method>;

}  // namespace sandgate::proxy

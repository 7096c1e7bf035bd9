// busy_loop: a loop whose every round is a long one.
#pragma once

#include <proxy/base/loop.hpp>
#include <proxy/base/unique_fd.hpp>

#include <array>
#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace sandgate::proxy {

class BusyLoop : public Loop {
 public:
  BusyLoop() {
    for (UniqueFd& event : events_) {
      event = UniqueFd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
      watch(event.number(), EPOLLIN, nobody_);  // Level-triggered, and never read.
    }
  }

 private:
  struct Nobody final : EventSource {
    void note(std::uint32_t /*events*/) override {}
  };

  Nobody nobody_;
  std::array<UniqueFd, 16> events_;
};

}  // namespace sandgate::proxy

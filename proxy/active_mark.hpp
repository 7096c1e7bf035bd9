// active_mark: a client connection counted as active, not idle, while this lives.
#pragma once

#include <proxy/metrics.hpp>

#include <cstddef>

namespace sandgate::proxy {

class ActiveMark {
 public:
  explicit ActiveMark(Metrics& metrics) : metrics_(metrics) { move(ClientState::idle, ClientState::active); }
  ~ActiveMark() { move(ClientState::active, ClientState::idle); }
  ActiveMark(const ActiveMark&) = delete;
  ActiveMark& operator=(const ActiveMark&) = delete;

 private:
  void move(ClientState from, ClientState to) {
    metrics_.client_connections[static_cast<std::size_t>(from)].subtract();
    metrics_.client_connections[static_cast<std::size_t>(to)].add();
  }
  Metrics& metrics_;
};

}  // namespace sandgate::proxy

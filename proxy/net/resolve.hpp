// resolve: host names for the few places where the edge itself is a client. Never for sandboxes (contract 5).
//
// The system's resolver blocks, so a thread of its own asks it; the answer comes to the loop. One question at a time.
#pragma once

#include <config/ip_address.hpp>
#include <proxy/base/loop.hpp>
#include <proxy/base/task.hpp>

#include <string>
#include <thread>
#include <vector>

namespace sandgate::proxy::net {

class NameResolver {
 public:
  explicit NameResolver(Loop& loop) : loop_(loop) {}
  /// Waits for a question that is still open: as long as the system's resolver takes.
  ~NameResolver();
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  /// Empty: there is no such name, or nobody could be asked. An IP address is its own answer, at once.
  Task<std::vector<config::IpAddress>> resolve(std::string host);

 private:
  Loop& loop_;
  std::thread thread_;
};

}  // namespace sandgate::proxy::net

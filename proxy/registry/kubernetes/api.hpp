// api: requests to the API server on a connection that is kept while it is good, with what the files say at the time.
#pragma once

#include <config/config.hpp>
#include <proxy/base/loop.hpp>
#include <proxy/base/task.hpp>
#include <proxy/net/resolve.hpp>
#include <proxy/registry/kubernetes/connection.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace sandgate::proxy::registry::kubernetes {

class Api {
 public:
  Api(Loop& loop, BufferPool& buffers, const config::KubernetesRegistry& config)
      : loop_(loop), buffers_(buffers), config_(config), resolver_(loop) {}

  /// Sends a GET and reads the response's head; its body is then to be `read`, or the connection to be dropped.
  Task<Connection::Head> get(std::string target, TimePoint deadline);
  Task<Connection::Part> read(TimePoint deadline) { return connection_->read(deadline); }
  /// The connection is of no use any more; the next request makes another.
  void drop();
  /// Ends what is under way; nothing is begun after it.
  void stop();

  std::uint64_t requests() const { return requests_; }

 private:
  Task<std::string> connect(Server server);

  Loop& loop_;
  BufferPool& buffers_;
  const config::KubernetesRegistry& config_;
  net::NameResolver resolver_;
  std::unique_ptr<Connection> connection_;
  std::uint64_t requests_ = 0;
  bool is_stopping_ = false;
};

/// A pause that notices soon that it was ended.
Task<void> rest(Loop& loop, std::chrono::milliseconds pause, const bool& is_stopping);

}  // namespace sandgate::proxy::registry::kubernetes

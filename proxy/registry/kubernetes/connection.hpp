// connection: one HTTP/1.1 connection to the API server: one request at a time, and its response as it arrives.
//
// Responses go through the parser that reads sandboxes' (proxy/http), which is stricter than the server needs. A server
// that is gone without a word is found out by TCP keep-alive within half a minute, and by every deadline.
#pragma once

#include <config/ip_address.hpp>
#include <proxy/base/loop.hpp>
#include <proxy/base/task.hpp>
#include <proxy/h1/message_reader.hpp>
#include <proxy/net/transport.hpp>
#include <proxy/registry/kubernetes/access.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry::kubernetes {

class Connection {
 public:
  static constexpr std::chrono::milliseconds kOpenPatience{5'000};  ///< Connect and TLS together, for one address.

  struct Head {
    int status = 0;  ///< 0: there is none, and `problem` says why.
    std::chrono::seconds retry_after{0};
    std::string problem{};  ///< Of a Head without a status.
  };
  struct Part {
    std::string_view bytes;  ///< Good until the next call.
    bool is_last = false;
    bool is_cut = false;
  };

  Connection(Loop& loop, BufferPool& buffers) : loop_(loop), buffers_(buffers) {}

  /// Empty: it stands. Otherwise why not.
  Task<std::string> open(Server server, std::vector<config::IpAddress> addresses);
  /// Sends a GET and reads the response's head.
  Task<Head> get(std::string target, std::string token, TimePoint deadline);
  Task<Part> read(TimePoint deadline);

  /// Another request may be sent: the last response was read whole, and said nothing against it.
  bool is_reusable() const { return is_open_ && is_idle_ && keeps_alive_; }
  const Server& server() const { return server_; }
  void abort();

 private:
  Task<std::string> open_one(config::IpAddress address);

  Loop& loop_;
  BufferPool& buffers_;
  Server server_;
  std::shared_ptr<const net::TlsClient> tls_;
  std::unique_ptr<net::Transport> transport_;
  std::unique_ptr<h1::MessageReader> reader_;
  bool is_open_ = false;
  bool is_idle_ = true;
  bool keeps_alive_ = true;
};

}  // namespace sandgate::proxy::registry::kubernetes

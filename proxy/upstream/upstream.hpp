// upstream: the sandbox's side of one exchange, whatever protocol carries it.
//
// The mirror of Exchange: a request head and a sink for its body, then response heads and a source. Destroying one
// gives its connection back to the pool when both messages ended cleanly, and closes it otherwise.
#pragma once

#include <config/ip_address.hpp>
#include <proxy/base/body.hpp>
#include <proxy/base/signal.hpp>
#include <proxy/exchange.hpp>
#include <proxy/http/head.hpp>
#include <proxy/net/transport.hpp>
#include <routing/route.hpp>
#include <routing/route_table.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>

namespace sandgate::proxy::upstream {

class Upstream {
 public:
  virtual ~Upstream() = default;

  virtual Task<Result<void>> send_head(const http::RequestHead& head, Flush flush) = 0;
  virtual BodySink& body() = 0;

  /// The next response head: interim ones, then a final one. Fails with sandbox_reset, response_invalid,
  /// response_timeout. Views in `head` hold until the next call, or for the final head until the end.
  virtual Task<Result<void>> read_head(http::ResponseHead& head) = 0;
  /// Nothing of a response has been received.
  virtual bool is_untouched() const = 0;
  /// The final response's body; after a 101, everything the sandbox sends.
  virtual BodySource& response() = 0;

  /// The connection carried an exchange before this one.
  virtual bool is_reused() const = 0;
  /// "10.0.0.7:8080"; holds as long as the upstream.
  virtual std::string_view endpoint_text() const = 0;
  /// A part of the request could not be sent: a sandbox that waits for it is told that nothing more comes.
  virtual void stop_sending() {}
  /// Everything that waits on it ends, with sandbox_reset; the connection is closed with a reset.
  virtual void abort() = 0;
};

struct UpstreamDeleter {
  void operator()(Upstream* upstream) const { upstream->~Upstream(); }  // The memory is the exchange's.
};
using UpstreamPtr = std::unique_ptr<Upstream, UpstreamDeleter>;

/// Where an exchange goes: whose it is decides which connections it may share (contract 5).
struct Destination {
  routing::RoutePtr route;
  std::uint16_t sandbox_port = 0;  ///< What the client asked for.
  routing::UpstreamProtocol protocol = routing::UpstreamProtocol::http1;
  std::shared_ptr<routing::Usage> usage;

  std::uint16_t dial_port() const { return route->via_node ? routing::Route::kNodePort : sandbox_port; }
};

/// An attempt to open an upstream: what it cost, for the log, and whether anybody still waits for it.
class Attempt {
 public:
  std::chrono::nanoseconds connect{-1};  ///< Negative: nothing was dialled.

  /// What is being dialled is given up, and no further try is made.
  void abandon() {
    is_abandoned_ = true;
    if (dialling_ != nullptr) dialling_->abort();
    if (waited_for_ != nullptr) waited_for_->set();
  }
  bool is_abandoned() const { return is_abandoned_; }
  /// The connection that is being made now; null: none.
  void dial(net::Transport* transport) { dialling_ = transport; }
  /// Set when it is given up while it waits for another's dial; null: it does not wait.
  void wait_on(Signal* signal) { waited_for_ = signal; }

 private:
  net::Transport* dialling_ = nullptr;
  Signal* waited_for_ = nullptr;
  bool is_abandoned_ = false;
};

enum class Reuse : std::uint8_t { allowed, fresh_only };

/// Opens upstreams; the pool is one. Fails with port_closed, sandbox_unreachable, route_changed (the generation ended
/// while it was dialled), client_closed (it was abandoned).
class Opener {
 public:
  virtual Task<Result<UpstreamPtr>> open(const Destination& destination, Reuse reuse, Attempt& attempt,
                                         std::pmr::memory_resource* memory) = 0;

 protected:
  ~Opener() = default;
};

}  // namespace sandgate::proxy::upstream

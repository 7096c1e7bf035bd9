// exchange: the client's side of one request and its response, whatever protocol carries it.
//
// A head and two bodies: `request` and the source of its body, and the sink the response's head and body go to. HTTP/1
// connections and HTTP/2 streams implement it; `serve` and `relay` know nothing else of a client.
#pragma once

#include <config/ip_address.hpp>
#include <proxy/base/body.hpp>
#include <proxy/base/failure.hpp>
#include <proxy/base/loop.hpp>
#include <proxy/base/task.hpp>
#include <proxy/http/head.hpp>

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::proxy {

/// Whether bytes handed over must leave now, or may wait for the next ones to leave together with them.
enum class Flush : std::uint8_t { now, with_next };

/// Who is at the other end of the connection an exchange came on. The same for every exchange of a connection.
struct ClientInfo {
  config::IpAddress address;  ///< The PROXY protocol's, else the socket's.
  bool is_tls = false;
  bool is_trusted_proxy = false;
  bool redirect_to_https = false;
  std::uint16_t listener_port = 0;
  std::string address_text;
  std::string_view tls_version;  ///< "TLSv1.3", or empty.
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const ClientInfo& client() const = 0;
  virtual const http::RequestHead& request() const = 0;
  /// The head was not one that may be served: the reason; `request` holds what was understood of it.
  virtual std::optional<Failure> parse_failure() const = 0;
  /// The presented certificate covers `host`; true on plain connections.
  virtual bool is_host_covered(std::string_view host) const = 0;
  /// When the request's first byte came.
  virtual TimePoint started_at() const = 0;
  /// Memory that lives as long as the exchange.
  virtual std::pmr::memory_resource* memory() = 0;

  /// The request's body; after a 101 was sent, everything the client sends.
  virtual BodySource& body() = 0;
  /// Bytes of the body were taken by a reader: the request cannot be made again from the start.
  virtual bool is_body_touched() const = 0;

  /// Any number of interim heads, then one final head (or 101). Fails with client_closed or client_write_timeout.
  virtual Task<Result<void>> send_head(const http::ResponseHead& head, Flush flush) = 0;
  virtual bool is_head_sent() const = 0;
  /// The response's body as head.body said; after a 101, everything the client gets.
  virtual BodySink& response() = 0;

  /// No further exchange after this one (HTTP/1: Connection: close; an HTTP/2 stream is its only exchange anyway).
  virtual void close_after() = 0;
  /// A reader of `body` that waits gives up (client_closed). For when the response is over before the request is.
  virtual void cancel_body() = 0;
  /// The client must see that the response is not whole; `why` is for protocols that have a word for it.
  virtual void abort(Failure why) = 0;
  /// Scheduled once the client is gone for good; null to stop. See Transport::on_gone.
  virtual void on_gone(Runnable* runnable) = 0;
};

/// What a session hands every exchange to.
class ExchangeHandler {
 public:
  virtual Task<void> handle(Exchange& exchange) = 0;
  /// There is no memory to begin it: all that is left is to say so in the log.
  virtual void turn_away(Exchange& /*exchange*/) {}

 protected:
  ~ExchangeHandler() = default;
};

}  // namespace sandgate::proxy

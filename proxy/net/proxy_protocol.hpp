// proxy_protocol: the PROXY header a load balancer puts in front of a connection, v1 and v2
// (haproxy.org/download/2.9/doc/proxy-protocol.txt). Pure: bytes in, verdict out.
//
// Only for listeners configured for it and peers they trust; never guessed. Anything that is not exactly a header
// closes the connection (hardening 1.6).
#pragma once

#include <config/ip_address.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sandgate::proxy::net {

struct ProxyHeader {
  enum class State : std::uint8_t { complete, incomplete, malformed };
  static constexpr std::size_t kMaxBytes = 4096;

  State state = State::incomplete;
  std::size_t size = 0;                     ///< When complete: bytes of the header.
  std::optional<config::IpAddress> client;  ///< None: LOCAL or UNKNOWN, the socket's own address counts.
};

/// `bytes` is what has been received so far.
ProxyHeader parse_proxy_header(std::string_view bytes);

}  // namespace sandgate::proxy::net

// pool_key: who may share a connection to a sandbox: requests to the same sandbox, generation, address, port and
// protocol, and nobody else (contract 5).
#pragma once

#include <config/ip_address.hpp>
#include <proxy/upstream/upstream.hpp>
#include <routing/route.hpp>
#include <routing/sandbox_id.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace sandgate::proxy::upstream {

struct PoolKey {
  routing::SandboxId id;
  std::string generation;
  config::IpAddress address;
  std::uint16_t port = 0;
  routing::UpstreamProtocol protocol = routing::UpstreamProtocol::http1;
  friend bool operator==(const PoolKey&, const PoolKey&) = default;

  static PoolKey of(const Destination& destination);
};

/// A map of PoolKey can be asked with a Destination, without making a key.
struct PoolKeyHash {
  using is_transparent = void;
  std::size_t operator()(const PoolKey& key) const;
  std::size_t operator()(const Destination& destination) const;
};
struct PoolKeyEqual {
  using is_transparent = void;
  bool operator()(const PoolKey& a, const PoolKey& b) const { return a == b; }
  bool operator()(const PoolKey& key, const Destination& destination) const;
  bool operator()(const Destination& destination, const PoolKey& key) const { return (*this)(key, destination); }
};

}  // namespace sandgate::proxy::upstream

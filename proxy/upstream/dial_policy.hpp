// dial_policy: which addresses the edge may connect to (contract 5). Decided on the address that is dialled, after
// normalising; there is no DNS, so what was checked is what is used.
#pragma once

#include <config/config.hpp>
#include <config/ip_address.hpp>

#include <cstdint>
#include <vector>

namespace sandgate::proxy::upstream {

class DialPolicy {
 public:
  /// `own_addresses` are this machine's; `own_listeners` where this process listens.
  DialPolicy(std::vector<config::IpRange> allow, std::vector<config::IpAddress> own_addresses,
             std::vector<config::Endpoint> own_listeners);

  /// In `allow`, not of a special range that no entry names, not the edge's own unless an entry names just it, and
  /// never one of its listeners.
  bool permits(const config::IpAddress& ip, std::uint16_t port) const;

 private:
  bool is_own(const config::IpAddress& ip) const;
  bool is_own_listener(const config::IpAddress& ip, std::uint16_t port) const;

  std::vector<config::IpRange> allow_;
  std::vector<config::IpAddress> own_addresses_;
  std::vector<config::Endpoint> own_listeners_;
};

/// Addresses of this machine's interfaces.
std::vector<config::IpAddress> interface_addresses();
/// Every address a configuration listens on.
std::vector<config::Endpoint> listening_endpoints(const config::Config& config);

}  // namespace sandgate::proxy::upstream

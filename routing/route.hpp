// route: what the edge knows of one sandbox, immutable once made (contract 7).
#pragma once

#include <auth/access_policy.hpp>
#include <config/ip_address.hpp>
#include <routing/host_mask.hpp>
#include <routing/sandbox_id.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sandgate::routing {

enum class UpstreamProtocol : std::uint8_t { http1, h2c };
enum class SandboxState : std::uint8_t { running, paused };

/// Ports that few routes name: the size of a pointer.
class PortList {
 public:
  PortList() = default;
  explicit PortList(std::vector<std::uint16_t> ports);

  bool contains(std::uint16_t port) const;

 private:
  struct Ports : boost::intrusive_ref_counter<Ports> {
    std::vector<std::uint16_t> sorted;
  };

  boost::intrusive_ptr<const Ports> ports_;  ///< Null when there are none.
};

/// A million of them fit in memory beside the table: members are ordered and sized for it.
struct Route {
  static constexpr std::int32_t kUnlimited = -1;
  static constexpr std::uint16_t kNodePort = 5007;

  SandboxId id;
  config::IpAddress address;  ///< The sandbox's, or in node mode the node's.
  bool via_node = false;      ///< Node mode: forwarded to `address:kNodePort`, whatever the port.
  SandboxState state = SandboxState::running;
  bool has_max_connections = false;           ///< false: limits.connections_per_sandbox applies.
  std::int32_t max_connections = kUnlimited;  ///< 0 blocks all.
  std::string generation;  ///< execution_id, else the address's text; a change means another instance.
  auth::AccessPolicy access;
  std::optional<HostMask> mask;
  PortList h2c_ports;
  std::optional<std::chrono::system_clock::time_point> expires_at;

  UpstreamProtocol protocol(std::uint16_t port) const;
  bool is_expired(std::chrono::system_clock::time_point now) const { return expires_at && *expires_at <= now; }
};

using RoutePtr = std::shared_ptr<const Route>;

}  // namespace sandgate::routing

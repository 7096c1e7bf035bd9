// settings: a configuration with everything it names loaded: certificates, ticket keys, addresses of this machine.
#pragma once

#include <config/config.hpp>
#include <proxy/connection_gate.hpp>
#include <proxy/net/ticket_keys.hpp>
#include <proxy/net/tls.hpp>
#include <proxy/upstream/dial_policy.hpp>

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace sandgate::proxy {

/// Everything a reload can change at once. Shared by all workers, never changed itself.
struct Settings {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const upstream::DialPolicy> dial_policy;
  std::vector<std::shared_ptr<const net::TlsServer>> tls;  ///< One for each listener; null: plain.
  std::string admin_token;                                 ///< Empty: none is asked.
};

using LoadedSettings = std::variant<Settings, std::vector<std::string>>;

/// Every problem at once, each a sentence that names its file. `ticket_keys` must outlive the settings.
LoadedSettings load_settings(config::Config config, net::TicketKeys& ticket_keys, net::Expired expired);

/// The files whose change means that settings must be loaded again, the configuration's own among them.
std::vector<std::string> files_of(const config::Config& config, const std::string& config_path);

/// What `workers: auto` means here: the cores this process may use, the cgroup's quota included (at least 1).
std::size_t available_cores();

/// No core dump from now on, and no look into this process by others of its user (ptrace(2), /proc/PID/mem).
void keep_memory_private();

/// Raises the soft limit of open files to the hard one and gives it.
std::size_t raise_open_files();

/// How many client connections fit: what the configuration says, else two descriptors for each (hardening 1.7); and what
/// follows from that for their handshakes.
ConnectionGate::Limits connection_limits(const config::Config& config, std::size_t open_files);

/// What `limits.memory` means here: 0 is no limit.
std::size_t memory_limit(const config::Config& config);

}  // namespace sandgate::proxy

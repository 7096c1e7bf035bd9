#include <config/checks.hpp>
#include <config/problem.hpp>
#include <config/text_check.hpp>

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace sandgate::config {
namespace {

/// Each worker opens a socket for each listener.
constexpr std::size_t kMostListeners = 64;

void check_tls(const Tls& tls, const std::string& key, Violations& found) {
  if (tls.certificates.empty()) {
    found.push_back({key + ".certificates", "must name at least one certificate: the first is the default"});
  }
  for (std::size_t i = 0; i < tls.certificates.size(); ++i) {
    const std::string certificate = indexed(key + ".certificates", i);
    if (tls.certificates[i].chain.empty()) found.push_back({certificate + ".chain", "must be the path of a PEM file"});
    if (tls.certificates[i].key.empty()) found.push_back({certificate + ".key", "must be the path of a PEM file"});
  }
}

struct NamedEndpoint {
  std::string key;
  Endpoint endpoint;
};

std::vector<NamedEndpoint> endpoints_of(const Config& config) {
  std::vector<NamedEndpoint> all;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    all.push_back({indexed("listeners", i) + ".address", config.listeners[i].address});
  }
  all.push_back({"admin.address", config.admin.address});
  if (config.health) all.push_back({"health.address", config.health->address});
  return all;
}

/// Connections meant for one could reach the other. 0.0.0.0 and [::] on one port do not overlap: each takes its family.
bool overlap(const Endpoint& one, const Endpoint& other) {
  if (one.is_unix() || other.is_unix()) return one.unix_path == other.unix_path;
  if (one.port != other.port || one.port == 0 || one.ip.is_v4() != other.ip.is_v4()) return false;
  const auto is_wildcard = [](const IpAddress& ip) { return ip.bytes() == IpAddress{}.bytes(); };
  return one.ip == other.ip || is_wildcard(one.ip) || is_wildcard(other.ip);
}

}  // namespace

void check_domains(const Config& config, Violations& found) {
  if (config.domains.empty()) {
    found.push_back({"domains", "must name at least one domain: an authority outside all of them is refused"});
  }
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < config.domains.size(); ++i) {
    const std::string& domain = config.domains[i];
    if (domain.starts_with("*.")) {
      found.push_back({indexed("domains", i), "must be written without \"*.\": every name below it is meant anyway"});
    } else if (!is_dns_name(domain)) {
      found.push_back({indexed("domains", i),
                       "must be a DNS name such as sandbox.example.com (letters, digits, hyphens "
                       "and dots, no port), not " +
                           quoted(domain)});
    } else if (!seen.insert(domain).second) {
      found.push_back({indexed("domains", i), "is given twice; remove one"});
    }
  }
}

void check_listeners(const Config& config, Violations& found) {
  if (config.listeners.empty() || config.listeners.size() > kMostListeners) {
    found.push_back({"listeners", "must name at least one listener, and at most " + std::to_string(kMostListeners)});
  }
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    const std::string key = indexed("listeners", i);
    if (listener.tls) check_tls(*listener.tls, key + ".tls", found);
    if (listener.tls && listener.redirect_to_https) {
      found.push_back({key + ".redirect_to_https", "has no meaning on a listener with tls; remove one of the two"});
    }
    if (listener.proxy_protocol && listener.proxy_protocol->from.empty()) {
      found.push_back({key + ".proxy_protocol.from",
                       "must name the peers that send a PROXY header; without any, remove proxy_protocol"});
    }
  }
}

void check_endpoints(const Config& config, Violations& found) {
  if (config.listeners.size() > kMostListeners) return;  // said by check_listeners
  const auto all = endpoints_of(config);
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto earlier =
        std::ranges::find_if(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i),
                             [&](const auto& other) { return overlap(all[i].endpoint, other.endpoint); });
    if (earlier == all.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    found.push_back({all[i].key, "takes the same connections as " + earlier->key + ", " +
                                     earlier->endpoint.to_string() + "; choose another port"});
  }
}
}  // namespace sandgate::config

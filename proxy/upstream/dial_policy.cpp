#include <proxy/upstream/dial_policy.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <netinet/in.h>
#include <utility>

namespace sandgate::proxy::upstream {

using config::AddressClass;
using config::IpAddress;

DialPolicy::DialPolicy(std::vector<config::IpRange> allow, std::vector<IpAddress> own_addresses,
                       std::vector<config::Endpoint> own_listeners)
    : allow_(std::move(allow)), own_addresses_(std::move(own_addresses)), own_listeners_(std::move(own_listeners)) {}

bool DialPolicy::is_own(const IpAddress& ip) const {
  return std::find(own_addresses_.begin(), own_addresses_.end(), ip) != own_addresses_.end();
}

bool DialPolicy::is_own_listener(const IpAddress& ip, std::uint16_t port) const {
  return std::any_of(own_listeners_.begin(), own_listeners_.end(), [&](const config::Endpoint& own) {
    if (own.is_unix() || own.port != port) return false;
    const bool listens_on_all = config::classify(own.ip) == AddressClass::unspecified;
    return own.ip == ip || (listens_on_all && (is_own(ip) || config::classify(ip) == AddressClass::loopback));
  });
}

bool DialPolicy::permits(const IpAddress& ip, std::uint16_t port) const {
  if (is_own_listener(ip, port) || !config::is_dialable(ip, allow_)) return false;
  if (!is_own(ip) || config::classify(ip) != AddressClass::ordinary) return true;
  const auto only_this = config::IpRange::parse(ip.to_string());
  return std::any_of(allow_.begin(), allow_.end(),
                     [&](const config::IpRange& range) { return range.contains(ip) && range.lies_within(*only_this); });
}

std::vector<IpAddress> interface_addresses() {
  std::vector<IpAddress> result;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) < 0) return result;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      std::array<std::uint8_t, 4> bytes;
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr, bytes.size());
      result.push_back(IpAddress::from_v4(bytes));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      std::array<std::uint8_t, 16> bytes;
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr, bytes.size());
      result.push_back(IpAddress::from_v6(bytes));
    }
  }
  return result;
}

std::vector<config::Endpoint> listening_endpoints(const config::Config& config) {
  std::vector<config::Endpoint> result;
  for (const config::Listener& listener : config.listeners) result.push_back(listener.address);
  result.push_back(config.admin.address);
  if (config.health) result.push_back(config.health->address);
  return result;
}

}  // namespace sandgate::proxy::upstream

#include <proxy/net/socket_address.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

namespace sandgate::proxy::net {

using config::IpAddress;

SocketAddress SocketAddress::from(const config::Endpoint& endpoint) {
  if (!endpoint.is_unix()) return from(endpoint.ip, endpoint.port);
  SocketAddress result;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::min(endpoint.unix_path.size(), sizeof address.sun_path - 1);
  std::memcpy(address.sun_path, endpoint.unix_path.data(), size);
  std::memcpy(&result.storage_, &address, sizeof address);
  result.size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + 1);
  return result;
}

SocketAddress SocketAddress::from(const IpAddress& ip, std::uint16_t port) {
  SocketAddress result;
  if (ip.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    std::memcpy(&address.sin_addr, ip.bytes().data(), 4);
    std::memcpy(&result.storage_, &address, sizeof address);
    result.size_ = sizeof address;
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    std::memcpy(&address.sin6_addr, ip.bytes().data(), 16);
    std::memcpy(&result.storage_, &address, sizeof address);
    result.size_ = sizeof address;
  }
  return result;
}

std::optional<SocketAddress> SocketAddress::of_socket(int fd) {
  SocketAddress result;
  if (getsockname(fd, result.data(), result.size_pointer()) < 0) return std::nullopt;
  return result;
}

IpAddress SocketAddress::ip() const {
  if (storage_.ss_family == AF_INET) {
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr, bytes.size());
    return IpAddress::from_v4(bytes);
  }
  if (storage_.ss_family == AF_INET6) {
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr, bytes.size());
    return IpAddress::from_v6(bytes);
  }
  return IpAddress::from_v4({127, 0, 0, 1});
}

std::uint16_t SocketAddress::port() const {
  if (storage_.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  if (storage_.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  return 0;
}

config::Endpoint SocketAddress::to_endpoint() const {
  config::Endpoint endpoint;
  if (storage_.ss_family == AF_UNIX) {
    const auto* address = reinterpret_cast<const sockaddr_un*>(&storage_);
    const std::size_t head = offsetof(sockaddr_un, sun_path);
    if (size_ > head) endpoint.unix_path.assign(address->sun_path, strnlen(address->sun_path, size_ - head));
    return endpoint;
  }
  endpoint.ip = ip();
  endpoint.port = port();
  return endpoint;
}

}  // namespace sandgate::proxy::net

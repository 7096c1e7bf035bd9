// socket_address: the kernel's form of an address <-> ours.
#pragma once

#include <config/ip_address.hpp>

#include <cstdint>
#include <optional>
#include <sys/socket.h>

namespace sandgate::proxy::net {

class SocketAddress {
 public:
  SocketAddress() = default;  ///< Room for the kernel to fill.
  static SocketAddress from(const config::Endpoint& endpoint);
  static SocketAddress from(const config::IpAddress& ip, std::uint16_t port);
  /// What a socket is bound to; nothing when the kernel does not say.
  static std::optional<SocketAddress> of_socket(int fd);

  int family() const { return storage_.ss_family; }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  socklen_t* size_pointer() { return &size_; }

  config::IpAddress ip() const;  ///< 127.0.0.1 for a Unix socket.
  std::uint16_t port() const;    ///< 0 for a Unix socket.
  config::Endpoint to_endpoint() const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = sizeof storage_;
};

}  // namespace sandgate::proxy::net

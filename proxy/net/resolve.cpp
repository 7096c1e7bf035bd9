#include <proxy/base/fork.hpp>
#include <proxy/net/resolve.hpp>
#include <proxy/net/socket_address.hpp>

#include <cstring>
#include <netdb.h>
#include <sys/socket.h>

namespace sandgate::proxy::net {
namespace {

std::vector<config::IpAddress> ask_system(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::vector<config::IpAddress> addresses;
  if (::getaddrinfo(host.c_str(), nullptr, &wanted, &found) != 0) return addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    SocketAddress address;
    std::memcpy(address.data(), one->ai_addr, one->ai_addrlen);
    addresses.push_back(address.ip());
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace

NameResolver::~NameResolver() {
  if (thread_.joinable()) thread_.join();
}

Task<std::vector<config::IpAddress>> NameResolver::resolve(std::string host) {
  if (const auto address = config::IpAddress::parse(host)) co_return std::vector{*address};
  if (thread_.joinable()) thread_.join();
  std::vector<config::IpAddress> addresses;
  Event is_done(loop_);
  thread_ = std::thread([&, name = std::move(host)] {
    auto found = ask_system(name);
    loop_.post([&, found = std::move(found)] {
      addresses = found;
      is_done.set();
    });
  });
  co_await is_done;
  co_return addresses;
}

}  // namespace sandgate::proxy::net

#include <proxy/net/listener.hpp>
#include <proxy/net/socket_address.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>

namespace sandgate::proxy::net {
namespace {

constexpr int kBacklog = 4096;               // Bounded by net.core.somaxconn.
constexpr int kMaxQueue = 2 * kBacklog;      // More is never queued; the last accept must end.
constexpr int kUnsentLowWater = 128 * 1024;  // What the kernel may hold unsent before a write waits (hardening 1.9).
constexpr int kFirstInheritedFd = 3;         // SD_LISTEN_FDS_START

void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

/// Accepted sockets inherit all of these, so they cost no system call per connection.
void set_listening_options(int fd, bool is_unix) {
  if (is_unix) return;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentLowWater);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

[[noreturn]] void fail(const config::Endpoint& address, const char* what) {
  throw std::system_error(errno, std::generic_category(), address.to_string() + ": " + what);
}

}  // namespace

UniqueFd open_listening_socket(const config::Endpoint& address, bool share_port) {
  const SocketAddress bind_address = SocketAddress::from(address);
  UniqueFd fd(::socket(bind_address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) fail(address, "cannot make a socket");
  if (address.is_unix()) {
    struct stat status {};
    if (::stat(address.unix_path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode))
      ::unlink(address.unix_path.c_str());
  } else {
    set_option(fd.number(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (share_port) set_option(fd.number(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (bind_address.family() == AF_INET6) set_option(fd.number(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }
  set_listening_options(fd.number(), address.is_unix());
  const mode_t mask = ::umask(address.is_unix() ? 0117 : 0);  // The admin socket is for its owner and group.
  const int bound = ::bind(fd.number(), bind_address.data(), bind_address.size());
  const int bind_error = errno;
  ::umask(mask);
  errno = bind_error;
  if (bound < 0) fail(address, "cannot bind");
  if (::listen(fd.number(), kBacklog) < 0) fail(address, "cannot listen");
  return fd;
}

std::vector<UniqueFd> take_inherited_sockets() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  const bool is_ours = pid != nullptr && count != nullptr && std::atol(pid) == static_cast<long>(::getpid());
  std::vector<UniqueFd> sockets;
  for (int i = 0; is_ours && i < std::atoi(count) && i < 64; ++i) {
    const int fd = kFirstInheritedFd + i;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    set_listening_options(fd, false);
    sockets.emplace_back(fd);
  }
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  return sockets;
}

std::optional<UniqueFd> take_socket_for(const config::Endpoint& address, std::vector<UniqueFd>& sockets) {
  const auto found = std::find_if(sockets.begin(), sockets.end(), [&](const UniqueFd& candidate) {
    const auto bound = SocketAddress::of_socket(candidate.number());
    return bound && bound->to_endpoint() == address;
  });
  if (found == sockets.end()) return std::nullopt;
  UniqueFd taken = std::move(*found);
  sockets.erase(found);
  return taken;
}

Listener::Listener(Loop& loop, UniqueFd socket, Handler& handler)
    : loop_(loop), socket_(std::move(socket)), handler_(handler) {
  if (const auto bound = SocketAddress::of_socket(socket_.number())) port_ = bound->port();
  resume();
}

Listener::~Listener() = default;

void Listener::note(std::uint32_t /*epoll_events*/) { loop_.schedule(wake_); }

void Listener::accept_some(int limit) {
  for (int i = 0; socket_ && i < limit; ++i) {
    if (!handler_.has_room()) return pause();
    SocketAddress peer;
    const int fd = ::accept4(socket_.number(), peer.data(), peer.size_pointer(), SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      handler_.accepted({UniqueFd(fd), peer.ip(), port_});
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      handler_.out_of_descriptors();
      pause();
    }
    return;
  }
}

void Listener::pause() {
  loop_.unwatch(socket_.number());
  loop_.arm(pause_, loop_.now() + kPause);
}

void Listener::resume() {
  // Level-triggered: what one wake leaves in the queue makes the next one. Exclusive matters to shared sockets only.
  loop_.watch(socket_.number(), EPOLLIN | EPOLLEXCLUSIVE, *this);
}

/// The kernel may have no memory for that either.
void Listener::try_again() {
  try {
    resume();
  } catch (const std::system_error&) {
    loop_.arm(pause_, loop_.now() + kPause);
  }
}

void Listener::close() {
  pause_.disarm();
  wake_.cancel();
  if (!socket_) return;
  loop_.unwatch(socket_.number());  // First, so that what comes from now on wakes whoever goes on.
  accept_some(kMaxQueue);
  pause_.disarm();
  socket_.reset();
}

}  // namespace sandgate::proxy::net

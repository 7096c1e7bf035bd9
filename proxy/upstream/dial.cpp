#include <proxy/net/socket_address.hpp>
#include <proxy/upstream/dial.hpp>

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sandgate::proxy::upstream {
namespace {

// What the kernel may hold for one connection to a sandbox: with autotuning a stalled transfer costs megabytes
// (hardening 0.5). Doubled by the kernel for its own bookkeeping.
constexpr int kSocketBuffer = 256 * 1024;

/// As towards clients: a silent peer that is gone is found out in two minutes, not two hours.
void set_keep_alive(int socket) {
  const auto set = [socket](int level, int name, int value) { setsockopt(socket, level, name, &value, sizeof value); };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

struct Begun {
  UniqueFd socket;
  int error = 0;  ///< errno of a connect that failed at once.
};

Begun begin_connect(const config::Endpoint& to) {
  const net::SocketAddress address = net::SocketAddress::from(to);
  UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return {UniqueFd(), errno};
  const int one = 1;
  setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  set_keep_alive(socket.number());
  setsockopt(socket.number(), SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  setsockopt(socket.number(), SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  const int result = ::connect(socket.number(), address.data(), address.size());
  return {std::move(socket), result < 0 && errno != EINPROGRESS ? errno : 0};
}

/// It is the edge that has no more of something: descriptors, memory, ports of its own.
bool is_out_of(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == EADDRNOTAVAIL ||
         error == EAGAIN;
}

Failure failure_of(int error) {
  if (error == ECONNREFUSED) return Failure::port_closed;
  return is_out_of(error) ? Failure::overloaded : Failure::sandbox_unreachable;
}

using Dialled = Result<std::unique_ptr<Connection>>;

Task<Dialled> dial_once(Loop& loop, BufferPool& buffers, Connection::Owner& owner, DialOrder order,
                        TimePoint deadline) {
  Begun begun = begin_connect(order.to);
  if (begun.error != 0) co_return failure_of(begun.error);
  auto connection = std::make_unique<Connection>(loop, buffers, std::move(begun.socket), owner);
  order.attempt.dial(&connection->transport);
  const net::Io outcome = co_await connection->transport.connected(deadline);
  order.attempt.dial(nullptr);
  if (order.attempt.is_abandoned()) co_return Failure::client_closed;
  if (outcome == net::Io::ok) co_return connection;
  if (outcome == net::Io::broken) co_return failure_of(connection->transport.connect_error());
  co_return Failure::sandbox_unreachable;
}

}  // namespace

Task<Result<std::unique_ptr<Connection>>> dial(Loop& loop, BufferPool& buffers, Connection::Owner& owner,
                                               DialOrder order) {
  const TimePoint give_up = loop.now() + order.timeouts.connect_total;
  for (int attempt = 1;; ++attempt) {
    const TimePoint deadline = std::min(loop.now() + order.timeouts.connect, give_up);
    Dialled dialled = co_await dial_once(loop, buffers, owner, order, deadline);
    const bool may_open_soon = dialled.has_error() && dialled.error() == Failure::port_closed;
    const TimePoint next_try = loop.now() + attempt * std::chrono::milliseconds(100);
    if (!may_open_soon || attempt == kTries || next_try >= give_up) co_return dialled;
    co_await Sleep(loop, next_try);
    if (order.attempt.is_abandoned()) co_return Failure::client_closed;
  }
}

}  // namespace sandgate::proxy::upstream

// listener: a listening socket of one worker.
//
// Every worker has a socket of its own on the address (SO_REUSEPORT), so the kernel spreads connections and no accept
// is contended. A socket that was handed over (LISTEN_FDS) is shared instead: every worker watches it with
// EPOLLEXCLUSIVE, so one connection wakes one of them.
//
// Out of descriptors, or while the handler has no room, accepting pauses for kPause at a time and what is served goes on;
// nothing spins (hardening O-FD, O-MEM).
#pragma once

#include <config/config.hpp>
#include <proxy/base/calling.hpp>
#include <proxy/base/loop.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace sandgate::proxy::net {

/// A connection as accepted.
struct Accepted {
  UniqueFd socket;
  config::IpAddress peer;  ///< 127.0.0.1 for a Unix socket.
  std::uint16_t local_port = 0;
};

/// Binds and listens. Throws std::system_error with the address in its text.
UniqueFd open_listening_socket(const config::Endpoint& address, bool share_port);

/// Sockets inherited from a supervisor (sd_listen_fds(3)): those of LISTEN_FDS when LISTEN_PID is this process. Clears
/// both variables, so that no child takes them for its own.
std::vector<UniqueFd> take_inherited_sockets();
/// The one of `sockets` that is bound to `address`, taken out; nothing when none is.
std::optional<UniqueFd> take_socket_for(const config::Endpoint& address, std::vector<UniqueFd>& sockets);

class Listener final : private EventSource {
 public:
  static constexpr std::chrono::milliseconds kPause{50};
  static constexpr int kAcceptsPerWake = 16;

  /// Told of every connection; and when the process is out of descriptors. Asked whether it wants another.
  class Handler {
   public:
    virtual void accepted(Accepted connection) = 0;
    virtual void out_of_descriptors() = 0;
    virtual bool has_room() = 0;

   protected:
    ~Handler() = default;
  };

  Listener(Loop& loop, UniqueFd socket, Handler& handler);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Takes what is queued already and closes. Of a shared socket too: a connection that has woken this worker wakes no
  /// other, so leaving it there would leave it to wait for the next one.
  void close();

 private:
  void note(std::uint32_t epoll_events) override;
  void accept_some(int limit);
  void accept_next() { accept_some(kAcceptsPerWake); }
  void pause();
  void resume();
  void try_again();

  Loop& loop_;
  UniqueFd socket_;
  Handler& handler_;
  std::uint16_t port_ = 0;
  CallSoon<&Listener::accept_next> wake_{*this};
  CallOnTime<&Listener::try_again> pause_{*this};
};

}  // namespace sandgate::proxy::net

// h2_wire: an H2Peer at the other end of a socket pair, moved by hand: nothing of it runs by itself.
#pragma once

#include <proxy/base/loop.hpp>
#include <proxy/base/unique_fd.hpp>
#include <tests/support/h2_peer.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <utility>
#include <vector>

namespace sandgate::proxy::tests {

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

inline SocketPair make_socket_pair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) < 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

class H2Wire {
 public:
  H2Wire(const h2::Codec::Setting& setting, UniqueFd socket) : peer(setting), socket_(std::move(socket)) {}

  H2Peer peer;
  bool reads = true;       ///< False: what comes stays in the socket.
  bool has_ended = false;  ///< The other side finished or reset the connection.
  bool is_raw = false;     ///< The codec takes no part: frames are sent by hand and kept in `frames`.
  std::vector<Frame> frames;
  /// The last stream of every GOAWAY that came, also of one that a codec that is done does not look at.
  std::vector<std::uint32_t> goaways;

  /// Takes what came, and sends what the codec has to say.
  void move() {
    if (!socket_) return;
    if (reads) take();
    if (!is_raw) unsent_ += peer.produce();
    while (!unsent_.empty()) {
      const ssize_t sent = ::send(socket_.number(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      unsent_.erase(0, static_cast<std::size_t>(sent));
    }
  }
  void send_raw(std::string_view bytes) { unsent_ += bytes; }
  void close() { socket_.reset(); }

 private:
  void take() {
    std::array<char, 16 * 1024> bytes;
    for (;;) {
      const ssize_t got = ::recv(socket_.number(), bytes.data(), bytes.size(), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) has_ended = true;
      if (got <= 0) return;
      const std::string_view some(bytes.data(), static_cast<std::size_t>(got));
      take_frames(some);
      if (!is_raw) peer.receive(some);
    }
  }

  void take_frames(std::string_view some) {
    heard_ += some;
    while (heard_.size() >= kFrameHeaderBytes) {
      const std::size_t size = kFrameHeaderBytes + read_number(std::string_view(heard_).substr(0, 3));
      if (heard_.size() < size) return;
      Frame frame = read_frames(std::string_view(heard_).substr(0, size)).value().front();
      if (frame.type == FrameType::goaway) goaways.push_back(read_number(std::string_view(frame.payload).substr(0, 4)));
      if (is_raw) frames.push_back(std::move(frame));
      heard_.erase(0, size);
    }
  }

  UniqueFd socket_;
  std::string heard_;  ///< The beginning of a frame.
  std::string unsent_;
};

/// Rounds of the loop until `is_done`, with `between` before each; false when it never is.
template <class IsDone, class Between>
bool run_until(Loop& loop, Between between, IsDone is_done) {
  for (int round = 0; round < 5'000; ++round) {
    between();
    if (is_done()) return true;
    loop.run_once(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace sandgate::proxy::tests

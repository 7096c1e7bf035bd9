// service: the sandbox of the comparison: an HTTP/1.1 service that costs next to nothing, so that what is measured is
// the proxy in front of it. One thread, one epoll set, no allocation while it serves.
//
//   bench_service PORT
//
//   GET  /anything    200 with a small JSON body
//   GET  /bytes/N     200 with N bytes
//   POST /anything    reads Content-Length bytes, then answers as to GET
//   GET  /echo        101, then every byte comes back as it is (no proxy looks into WebSocket frames)
//
// It is for the benches only: it believes what it is sent, and a request head must come in one read.
#include <proxy/base/unique_fd.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unordered_map>

namespace sandgate::bench {
namespace {

using proxy::UniqueFd;

constexpr std::string_view kSmall =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 45\r\nServer: bench\r\n"
    "Cache-Control: no-store\r\n\r\n{\"status\":\"ok\",\"message\":\"hello, this is it\"}";
static_assert(kSmall.size() - kSmall.find("\r\n\r\n") == 4 + 45);  // Else no proxy would use a connection twice.
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";  // To the key of RFC 6455 1.3, which the load sends.

/// As much as one read takes, and what a download is made of.
std::array<char, 256 * 1024> scratch;
std::array<char, 256 * 1024> content;

UniqueFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return UniqueFd(fd);
}

std::uint64_t number_at(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The value of a field, or 0. Names are compared without case.
std::uint64_t content_length(std::string_view head) {
  constexpr std::string_view kName = "content-length:";
  for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2);
    if (line.size() <= kName.size() || strncasecmp(line.data(), kName.data(), kName.size()) != 0) continue;
    const std::string_view value = line.substr(kName.size());
    return number_at(value.substr(std::min(value.find_first_not_of(' '), value.size())));
  }
  return 0;
}

class Connection {
 public:
  explicit Connection(UniqueFd socket) : socket_(std::move(socket)) {}
  int number() const { return socket_.number(); }

  /// False: it is over. Called with what epoll said, when either direction may go on.
  bool go_on(std::uint32_t events) {
    const bool has_ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    for (;;) {
      if (!flush()) return false;
      if (has_unsent()) return true;
      const ssize_t got = ::recv(number(), scratch.data(), scratch.size(), 0);
      if (got < 0 && errno == EAGAIN) return true;
      if (got <= 0) return false;
      take({scratch.data(), static_cast<std::size_t>(got)});
      // The socket is empty, and what comes next makes an event; an end has made its event already.
      if (static_cast<std::size_t>(got) < scratch.size() && !has_ended) return flush();
    }
  }

 private:
  bool has_unsent() const { return !pending_.empty() || left_to_send_ > 0; }

  void take(std::string_view bytes) {
    if (is_echo_) {
      pending_.append(bytes);
      return;
    }
    if (left_to_read_ == 0) {
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) return;
      begin(bytes.substr(0, end + 2));
      bytes.remove_prefix(end + 4);
      if (left_to_read_ == 0) return;
    }
    left_to_read_ -= std::min<std::uint64_t>(left_to_read_, bytes.size());
    if (left_to_read_ == 0) pending_.append(kSmall);
  }

  void begin(std::string_view head) {
    constexpr std::string_view kBytes = "GET /bytes/";
    if (head.starts_with(kBytes)) {
      left_to_send_ = number_at(head.substr(kBytes.size()));
      pending_ = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(left_to_send_) + "\r\n\r\n";
    } else if (head.starts_with("GET /echo ")) {
      pending_.append(kSwitching);
      is_echo_ = true;
    } else if (head.starts_with("GET ")) {
      pending_.append(kSmall);
    } else {
      left_to_read_ = content_length(head);
      if (left_to_read_ == 0) pending_.append(kSmall);
    }
  }

  /// False when the connection is broken.
  bool flush() {
    while (has_unsent()) {
      const bool is_content = pending_.empty();
      const char* from = is_content ? content.data() : pending_.data();
      const std::size_t size = is_content ? std::min<std::uint64_t>(left_to_send_, content.size()) : pending_.size();
      const ssize_t sent = ::send(number(), from, size, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      if (is_content) {
        left_to_send_ -= static_cast<std::uint64_t>(sent);
      } else {
        pending_.erase(0, static_cast<std::size_t>(sent));
      }
    }
    return true;
  }

  UniqueFd socket_;
  std::string pending_;
  std::uint64_t left_to_send_ = 0;  ///< Of a download, after `pending_`.
  std::uint64_t left_to_read_ = 0;  ///< Of an upload.
  bool is_echo_ = false;
};

class Service {
 public:
  explicit Service(std::uint16_t port)
      : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        listener_(checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
    const int one = 1;
    ::setsockopt(listener_.number(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    ::setsockopt(listener_.number(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_bound = ::bind(listener_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (!is_bound || ::listen(listener_.number(), 4096) != 0)
      throw std::system_error(errno, std::generic_category(), "bind");
    watch(listener_.number(), EPOLLIN, nullptr);
  }

  void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_.number(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        auto* connection = static_cast<Connection*>(event.data.ptr);
        if (connection == nullptr) {
          accept_all();
        } else if (!connection->go_on(event.events)) {
          connections_.erase(connection->number());
        }
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t events, Connection* connection) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = connection;
    if (::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, fd, &event) != 0)
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }

  void accept_all() {
    int fd = -1;
    while ((fd = ::accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      auto connection = std::make_unique<Connection>(UniqueFd(fd));
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, connection.get());
      connections_.emplace(fd, std::move(connection));
    }
  }

  UniqueFd epoll_;
  UniqueFd listener_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
};

}  // namespace
}  // namespace sandgate::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (argc != 2) {
    std::cerr << "usage: bench_service PORT\n";
    return 64;
  }
  std::fill(sandgate::bench::content.begin(), sandgate::bench::content.end(), 'x');
  sandgate::bench::Service service(static_cast<std::uint16_t>(std::atoi(argv[1])));
  service.run();
}

// peers: a client and a sandbox at the two ends of an edge, on sockets of their own, moved by hand: nothing of them
// runs by itself or waits.
#pragma once

#include <proxy/base/unique_fd.hpp>
#include <proxy/net/tls.hpp>
#include <tests/support/h2_peer.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::tests {

/// Bytes to and from a socket, through TLS or not.
class Channel {
 public:
  explicit Channel(proxy::UniqueFd socket) : socket_(std::move(socket)) {}

  std::string received;
  std::string unsent;
  bool has_ended = false;  ///< The other side finished, or the connection broke.

  void become_tls_client(SSL_CTX* context, bool speaks_http_2);
  /// True when anything moved.
  bool move();
  void finish_writing();
  void close();

 private:
  bool move_plain();
  bool move_tls();

  proxy::UniqueFd socket_;
  proxy::net::SslPtr ssl_;
};

/// What a client says, and when it has what it wants.
struct Script {
  std::string request;                         ///< HTTP/1, whole.
  std::optional<proxy::http::RequestHead> h2;  ///< Or HTTP/2's, with `body` if not empty.
  std::string body;
  const proxy::http::Fields* trailers = nullptr;
};

/// What a client got.
struct Answer {
  bool is_whole = false;
  int status = 0;  ///< 0: none.
  std::string body;
};

class Client {
 public:
  Client(std::uint16_t port, SSL_CTX* tls, const Script& script);

  bool move();
  /// It has its answer, or will get none.
  bool is_done() const { return answer_.is_whole || channel_.has_ended || is_reset_; }
  const Answer& answer() const { return answer_; }
  void close() { channel_.close(); }

 private:
  void read_h1();
  void move_tunnel(std::string_view after_head);
  bool move_h2();

  Script script_;
  Channel channel_;
  std::unique_ptr<proxy::tests::H2Peer> h2_;
  std::optional<proxy::h2::StreamId> stream_;
  Answer answer_;
  bool has_asked_ = false;
  bool has_said_more_ = false;
  bool is_reset_ = false;
};

/// Answers what comes: HTTP/1, WebSocket (an echo) or HTTP/2, by its first bytes. A path "/bulk" gets 300 kB.
class Sandbox {
 public:
  Sandbox();
  std::uint16_t port() const { return port_; }
  bool move();

 private:
  struct Connection {
    explicit Connection(proxy::UniqueFd socket) : channel(std::move(socket)) {}
    Channel channel;
    std::unique_ptr<proxy::tests::H2Peer> h2;
    std::size_t answered = 0;  ///< Streams.
    bool is_tunnel = false;
  };
  static bool answer(Connection& connection);
  static bool answer_h1(Connection& connection);
  static bool answer_h2(Connection& connection);

  proxy::UniqueFd listener_;
  std::uint16_t port_;
  std::deque<Connection> connections_;
};

}  // namespace sandgate::tests

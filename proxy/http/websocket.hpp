// websocket: the handshake's proof that the other side speaks WebSocket (RFC 6455 1.3, 4.1).
//
// Over HTTP/2 a client sends no key (RFC 8441 5); where its stream becomes an HTTP/1 upgrade, the edge is the client of
// that handshake, makes the key, and checks the answer.
#pragma once

#include <array>
#include <string_view>

namespace sandgate::proxy::http {

class WebSocketKey {
 public:
  /// Sixteen random bytes in base64. Throws std::bad_alloc: OpenSSL makes a generator for each thread.
  static WebSocketKey make();
  explicit WebSocketKey(std::string_view text);

  std::string_view text() const { return {text_.data(), kTextBytes}; }
  /// `accept` is what Sec-WebSocket-Accept must say for this key.
  bool is_answered_by(std::string_view accept) const;

 private:
  WebSocketKey() = default;
  static constexpr std::size_t kTextBytes = 24;
  std::array<char, kTextBytes + 1> text_{};
};

}  // namespace sandgate::proxy::http

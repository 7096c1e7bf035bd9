// tls_client: one blocking TLS connection to a proxy on loopback. Nothing is verified; every failure throws.
//
// Blocking, one thread a connection: the load is bounded by what a thread does, and easy to reason about. Every read
// and write gives up after kPatience.
#pragma once

#include <proxy/base/unique_fd.hpp>

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sandgate::bench {

inline constexpr std::chrono::seconds kPatience{10};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, SslFree>;
using SessionPtr = std::unique_ptr<SSL_SESSION, SslFree>;

/// Where to and with which host name.
struct Target {
  std::uint16_t port = 0;
  std::string host;
  SSL_CTX* context = nullptr;
  int receive_buffer = 0;  ///< Bytes of SO_RCVBUF; 0: the system's.
};

/// TLS 1.3 with one cipher and one group, so that every proxy does the same arithmetic.
ContextPtr make_context();

class TlsClient {
 public:
  /// Connects and shakes hands; with `session`, asks to resume it.
  explicit TlsClient(const Target& target, SSL_SESSION* session = nullptr);

  void write(std::string_view bytes);
  /// At least one byte; 0 at the end.
  std::size_t read(char* into, std::size_t size);
  /// What is there already, appended; nothing when a read would wait. For sockets made non-blocking.
  void read_waiting(std::string& into);
  /// A GET answered with 200 and a length; its whole answer is read.
  void get(std::string_view path);
  /// Asks for `path` and leaves the answer unread.
  void ask(std::string_view path);
  /// Becomes a tunnel.
  void upgrade();
  /// close_notify, then until the proxy's end: everything that was sent has been taken.
  void close();

  bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  SessionPtr session() const { return SessionPtr(SSL_get1_session(ssl_.get())); }
  int socket() const { return socket_.number(); }

 private:
  std::string read_head();

  std::string host_;
  proxy::UniqueFd socket_;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::string leftover_;
};

}  // namespace sandgate::bench

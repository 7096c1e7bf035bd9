// tls_client: the edge as a client of a TLS server it must be sure of (the registry's, not a sandbox's).
//
// The server's certificate must be valid and of the name, or IP address, that was asked for; there is no way to turn
// that off. Immutable; made once from files.
#pragma once

#include <proxy/net/tls.hpp>
#include <proxy/net/transport.hpp>

#include <memory>
#include <string>
#include <variant>

namespace sandgate::proxy::net {

struct TlsClientFiles {
  std::string ca;           ///< PEM; empty: the system's authorities.
  std::string certificate;  ///< PEM, with `key`; empty: none is shown.
  std::string key;
};

/// The same as texts, from wherever they were.
struct TlsClientTexts {
  std::string ca;
  std::string certificate;
  std::string key;
  friend bool operator==(const TlsClientTexts&, const TlsClientTexts&) = default;
};

class TlsClient {
 public:
  using Loaded = std::variant<std::shared_ptr<const TlsClient>, std::string>;
  /// The string says which file, and what is wrong with it.
  static Loaded load(const TlsClientFiles& files);
  static Loaded make(const TlsClientTexts& texts);

  /// `host`: a DNS name or an IP address.
  SslPtr make_session(const std::string& host) const;

 private:
  explicit TlsClient(ContextPtr context) : context_(std::move(context)) {}
  ContextPtr context_;
};

/// Why the last handshake on this connection failed, for a log: "certificate verify failed: unable to get local issuer".
std::string handshake_error(const SSL* ssl);

}  // namespace sandgate::proxy::net

// tls: what the edge says in a TLS handshake: versions, ciphers, the certificate for a name, the protocol.
//
// A TlsServer is immutable; a reload makes another and new connections use it, while those that began with the old one
// keep it alive. A name nobody knows gets the default certificate, never an alert (contract 1.4); no common ALPN
// protocol is an alert (RFC 7301 3.2; the ALPACA defence).
#pragma once

#include <config/config.hpp>
#include <proxy/metrics.hpp>
#include <proxy/net/certificates.hpp>
#include <proxy/net/ticket_keys.hpp>
#include <proxy/net/transport.hpp>

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sandgate::proxy::net {

struct ContextDeleter {
  void operator()(SSL_CTX* context) const;
};
using ContextPtr = std::unique_ptr<SSL_CTX, ContextDeleter>;

/// An expired certificate is no reason not to start (the other names are served, and browsers say what is wrong), but a
/// reload that brings one keeps the one before.
enum class Expired : std::uint8_t { accept, refuse };

class TlsServer {
 public:
  using Loaded = std::variant<std::shared_ptr<const TlsServer>, std::vector<std::string>>;
  /// Every problem at once. `ticket_keys` must outlive every connection.
  static Loaded load(const config::Tls& tls, TicketKeys& ticket_keys, Expired expired);

  SslPtr make_session() const;

  struct Expiry {
    std::string name;
    std::int64_t not_after_unix;
  };
  std::vector<Expiry> expiries() const;

 private:
  struct Site {
    ContextPtr context;
    std::vector<std::string> names;
    std::int64_t not_after_unix = 0;
  };

  TlsServer() = default;
  std::string add_site(const config::Certificate& files, const config::Tls& tls, TicketKeys& keys, Expired expired);
  const Site& site_for(std::string_view name) const;
  static int choose_certificate(SSL* ssl, int* alert, void* server);

  std::vector<Site> sites_;  ///< The first is the default.
};

/// The certificate this connection presented covers `host` (lower case or not, one trailing dot allowed).
bool presented_certificate_covers(const SSL* ssl, std::string_view host);

/// "TLSv1.3"; a static text.
std::string_view version_name(const SSL* ssl);
TlsLabel version_label(const SSL* ssl);
bool is_resumed(const SSL* ssl);
/// ALPN agreed on h2 (RFC 9113 3.2).
bool speaks_http_2(const SSL* ssl);

}  // namespace sandgate::proxy::net

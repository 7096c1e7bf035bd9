#include <proxy/net/tls.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <new>

namespace sandgate::proxy::net {
namespace {

// ECDHE with AEAD only (hardening T-CIPH). TLS 1.3's three suites are all of that kind.
constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kTls13Suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
// In the order of preference, as RFC 7301 3.1 writes lists.
constexpr std::array<unsigned char, 21> kProtocols{2,   'h', '2', 8,   'h', 't', 't', 'p', '/', '1', '.',
                                                   '1', 8,   'h', 't', 't', 'p', '/', '1', '.', '0'};
constexpr std::array<unsigned char, 8> kSessionContext{'s', 'a', 'n', 'd', 'g', 'a', 't', 'e'};

int names_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

/// A host name lower-cased and without its trailing dot, as certificates' names are held. Does not allocate.
class NormalHost {
 public:
  explicit NormalHost(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    size_ = std::min(host.size(), text_.size());  // A DNS name has at most 253 bytes; what is longer matches nothing.
    std::transform(host.begin(), host.begin() + static_cast<std::ptrdiff_t>(size_), text_.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 254> text_;
  std::size_t size_;
};

int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void* /*unused*/) {
  unsigned char* selected = nullptr;
  const int result =
      SSL_select_next_proto(&selected, chosen_size, kProtocols.data(), kProtocols.size(), offered, offered_size);
  *chosen = selected;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool set_policy(SSL_CTX* context, const config::Tls& tls) {
  const int minimum = tls.minimum_version == config::TlsVersion::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);                           // One recv a record instead of two.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // Tickets only: no memory per session.
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, std::chrono::seconds(TicketKeys::kLifetime).count());
  SSL_CTX_set_session_id_context(context, kSessionContext.data(), kSessionContext.size());
  SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
  return SSL_CTX_set_min_proto_version(context, minimum) == 1 && SSL_CTX_set_cipher_list(context, kTls12Ciphers) == 1 &&
         SSL_CTX_set_ciphersuites(context, kTls13Suites) == 1 && SSL_CTX_set1_groups_list(context, kGroups) == 1;
}

bool set_certificate(SSL_CTX* context, const CertificateFiles& files) {
  if (SSL_CTX_use_certificate(context, files.leaf.get()) != 1) return false;
  if (SSL_CTX_use_PrivateKey(context, files.key.get()) != 1) return false;
  return std::all_of(files.intermediates.begin(), files.intermediates.end(),
                     [&](const X509Ptr& link) { return SSL_CTX_add1_chain_cert(context, link.get()) == 1; });
}

}  // namespace

void ContextDeleter::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

std::string TlsServer::add_site(const config::Certificate& files, const config::Tls& tls, TicketKeys& keys,
                                Expired expired) {
  LoadedCertificate loaded = load_certificate(files, static_cast<std::int64_t>(std::time(nullptr)));
  if (auto* problem = std::get_if<std::string>(&loaded)) return std::move(*problem);
  auto& certificate = std::get<CertificateFiles>(loaded);
  if (expired == Expired::refuse && !certificate.expired.empty()) return std::move(certificate.expired);
  Site site{ContextPtr(SSL_CTX_new(TLS_server_method())), std::move(certificate.names), certificate.not_after_unix};
  if (!site.context) throw std::bad_alloc();
  if (!set_policy(site.context.get(), tls) || !set_certificate(site.context.get(), certificate)) {
    ERR_clear_error();
    return files.chain + ": OpenSSL refuses it (is the key too small, or of a kind TLS does not use?)";
  }
  keys.install(site.context.get());
  sites_.push_back(std::move(site));
  return {};
}

TlsServer::Loaded TlsServer::load(const config::Tls& tls, TicketKeys& ticket_keys, Expired expired) {
  const std::shared_ptr<TlsServer> server(new TlsServer);
  std::vector<std::string> problems;
  std::variant<std::vector<TicketKey>, std::string> keys;
  if (!tls.ticket_keys.empty()) keys = read_ticket_keys(tls.ticket_keys);
  if (auto* problem = std::get_if<std::string>(&keys)) problems.push_back(std::move(*problem));
  for (const config::Certificate& files : tls.certificates) {
    std::string problem = server->add_site(files, tls, ticket_keys, expired);
    if (!problem.empty()) problems.push_back(std::move(problem));
  }
  if (!problems.empty()) return problems;
  if (!tls.ticket_keys.empty()) ticket_keys.replace(std::get<std::vector<TicketKey>>(std::move(keys)));
  for (Site& site : server->sites_) {
    // Found again from a connection's SSL object, whose owner keeps this server alive.
    SSL_CTX_set_ex_data(site.context.get(), names_index(), &site.names);
  }
  SSL_CTX* first = server->sites_.front().context.get();
  SSL_CTX_set_tlsext_servername_callback(first, &TlsServer::choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(first, server.get());
  return std::shared_ptr<const TlsServer>(server);
}

SslPtr TlsServer::make_session() const {
  SslPtr ssl(SSL_new(sites_.front().context.get()));
  if (!ssl) throw std::bad_alloc();
  SSL_set_accept_state(ssl.get());
  return ssl;
}

std::vector<TlsServer::Expiry> TlsServer::expiries() const {
  std::vector<Expiry> result;
  for (const Site& site : sites_) result.push_back({site.names.front(), site.not_after_unix});
  return result;
}

const TlsServer::Site& TlsServer::site_for(std::string_view name) const {
  const NormalHost normal(name);
  const std::string_view host = normal.view();
  const auto exact = std::find_if(sites_.begin(), sites_.end(), [&](const Site& site) {
    return std::find(site.names.begin(), site.names.end(), host) != site.names.end();
  });
  if (exact != sites_.end()) return *exact;
  const auto wildcard =
      std::find_if(sites_.begin(), sites_.end(), [&](const Site& site) { return covers(site.names, host); });
  return wildcard != sites_.end() ? *wildcard : sites_.front();
}

int TlsServer::choose_certificate(SSL* ssl, int* /*alert*/, void* server) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_OK;
  const Site& site = static_cast<const TlsServer*>(server)->site_for(name);
  if (site.context.get() != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, site.context.get());
  return SSL_TLSEXT_ERR_OK;
}

bool presented_certificate_covers(const SSL* ssl, std::string_view host) {
  const void* names = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), names_index());
  return covers(*static_cast<const std::vector<std::string>*>(names), NormalHost(host).view());
}

std::string_view version_name(const SSL* ssl) { return SSL_get_version(ssl); }

bool speaks_http_2(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return size == 2 && name[0] == 'h' && name[1] == '2';
}

TlsLabel version_label(const SSL* ssl) {
  switch (SSL_version(ssl)) {
    case TLS1_2_VERSION:
      return TlsLabel::tls_1_2;
    case TLS1_3_VERSION:
      return TlsLabel::tls_1_3;
    default:
      return TlsLabel::none;
  }
}

bool is_resumed(const SSL* ssl) { return SSL_session_reused(ssl) == 1; }

}  // namespace sandgate::proxy::net

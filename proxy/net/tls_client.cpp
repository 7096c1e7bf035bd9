#include <config/ip_address.hpp>
#include <proxy/net/tls_client.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <new>

namespace sandgate::proxy::net {
namespace {

std::string last_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

ContextPtr make_context() {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw std::bad_alloc();
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  return context;
}

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;
using CertificatePtr = std::unique_ptr<X509, CertificateDeleter>;

BioPtr open_text(const std::string& text) {
  BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

CertificatePtr next_certificate(BIO* from) {
  return CertificatePtr(PEM_read_bio_X509(from, nullptr, nullptr, nullptr));
}

/// How many could be read; the text may hold other things between them.
std::size_t trust_all(SSL_CTX* context, const std::string& text) {
  const BioPtr bio = open_text(text);
  std::size_t count = 0;
  while (const CertificatePtr one = next_certificate(bio.get())) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) == 1) ++count;
  }
  ERR_clear_error();  // The end of the text is one.
  return count;
}

bool use_chain(SSL_CTX* context, const std::string& text) {
  const BioPtr bio = open_text(text);
  const CertificatePtr leaf = next_certificate(bio.get());
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) return false;
  while (const CertificatePtr one = next_certificate(bio.get())) {
    if (SSL_CTX_add1_chain_cert(context, one.get()) != 1) return false;
  }
  ERR_clear_error();
  return true;
}

bool use_key(SSL_CTX* context, const std::string& text) {
  const BioPtr bio = open_text(text);
  const std::unique_ptr<EVP_PKEY, KeyDeleter> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

}  // namespace

TlsClient::Loaded TlsClient::make(const TlsClientTexts& texts) {
  ContextPtr context = make_context();
  if (texts.ca.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (trust_all(context.get(), texts.ca) == 0) {
    return std::string("the authorities: no certificate can be read");
  }
  if (!texts.certificate.empty() && !use_chain(context.get(), texts.certificate)) {
    return "the client's certificate: it cannot be read: " + last_error();
  }
  if (!texts.certificate.empty() && !use_key(context.get(), texts.key)) {
    return "the client's key: it cannot be read, or is of another certificate: " + last_error();
  }
  return std::shared_ptr<const TlsClient>(new TlsClient(std::move(context)));
}

TlsClient::Loaded TlsClient::load(const TlsClientFiles& files) {
  ContextPtr context = make_context();
  SSL_CTX* const raw = context.get();
  if (files.ca.empty()) {
    SSL_CTX_set_default_verify_paths(raw);
  } else if (SSL_CTX_load_verify_locations(raw, files.ca.c_str(), nullptr) != 1) {
    return files.ca + ": no certificate authorities can be read from it: " + last_error();
  }
  if (files.certificate.empty()) return std::shared_ptr<const TlsClient>(new TlsClient(std::move(context)));
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1) {
    return files.certificate + ": no certificate can be read from it: " + last_error();
  }
  if (SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return files.key + ": no private key of " + files.certificate + " can be read from it: " + last_error();
  }
  return std::shared_ptr<const TlsClient>(new TlsClient(std::move(context)));
}

SslPtr TlsClient::make_session(const std::string& host) const {
  SslPtr ssl(SSL_new(context_.get()));
  if (!ssl) throw std::bad_alloc();
  SSL_set_connect_state(ssl.get());
  if (config::IpAddress::parse(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
    SSL_set1_host(ssl.get(), host.c_str());
  }
  return ssl;
}

std::string handshake_error(const SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified == X509_V_OK) return "the TLS handshake failed";
  return std::string("the server's certificate is not trusted: ") + X509_verify_cert_error_string(verified);
}

}  // namespace sandgate::proxy::net

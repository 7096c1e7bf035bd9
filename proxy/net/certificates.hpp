// certificates: PEM files -> what TLS presents, with every reason why not said at once.
#pragma once

#include <config/config.hpp>

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sandgate::proxy::net {

struct X509Deleter {
  void operator()(X509* certificate) const;
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const;
};
using X509Ptr = std::unique_ptr<X509, X509Deleter>;
using KeyPtr = std::unique_ptr<EVP_PKEY, KeyDeleter>;

/// A chain and its key, checked to belong together.
struct CertificateFiles {
  X509Ptr leaf;
  std::vector<X509Ptr> intermediates;
  KeyPtr key;
  std::vector<std::string> names;  ///< DNS names of the leaf (else its common name), lower case, wildcards as "*.x".
  std::int64_t not_after_unix = 0;
  std::string expired;  ///< Not empty: it has expired, and this is the sentence that says so.
};

using LoadedCertificate = std::variant<CertificateFiles, std::string>;

/// The string says which file, what is wrong and what to do. `now_unix` judges expiry.
LoadedCertificate load_certificate(const config::Certificate& files, std::int64_t now_unix);

/// One of `names` covers `host` (lower case, no port, no trailing dot): equal, or a wildcard for its first label only
/// (RFC 6125 6.4.3).
bool covers(const std::vector<std::string>& names, std::string_view host);

/// Every problem of every certificate and ticket key file of a configuration, for `sandgate check`; empty: none.
std::vector<std::string> check_certificates(const config::Config& config);

}  // namespace sandgate::proxy::net

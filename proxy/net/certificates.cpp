#include <proxy/net/certificates.hpp>
#include <proxy/net/ticket_keys.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <ctime>

namespace sandgate::proxy::net {
namespace {

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;

struct NamesDeleter {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string text_of(const ASN1_STRING* string) {
  const auto size = static_cast<std::size_t>(ASN1_STRING_length(string));
  return lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), size});
}

std::vector<std::string> dns_names(X509* leaf) {
  std::vector<std::string> result;
  const std::unique_ptr<GENERAL_NAMES, NamesDeleter> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) result.push_back(text_of(name->d.dNSName));
  }
  if (!result.empty()) return result;
  X509_NAME* subject = X509_get_subject_name(leaf);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) result.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return result;
}

std::int64_t unix_time(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(timegm(&parts)) : 0;
}

std::string last_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "no PEM block in it";
}

/// Leaf and intermediates of a PEM file, or why not.
std::string read_chain(const std::string& path, CertificateFiles& into) {
  ERR_clear_error();
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  if (!file) return path + ": cannot be read (" + last_error() + "); give the path of a PEM certificate chain";
  into.leaf.reset(PEM_read_bio_X509_AUX(file.get(), nullptr, nullptr, nullptr));
  if (!into.leaf) return path + ": holds no PEM certificate (" + last_error() + "); put the leaf first";
  while (X509* next = PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr)) into.intermediates.emplace_back(next);
  ERR_clear_error();  // The end of the file.
  return {};
}

std::string read_key(const std::string& path, CertificateFiles& into) {
  ERR_clear_error();
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  if (!file) return path + ": cannot be read (" + last_error() + "); give the path of a PEM private key";
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  into.key.reset(PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr));
  if (!into.key) return path + ": holds no PEM private key without a passphrase (" + last_error() + ")";
  return {};
}

}  // namespace

void X509Deleter::operator()(X509* certificate) const { X509_free(certificate); }
void KeyDeleter::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

LoadedCertificate load_certificate(const config::Certificate& files, std::int64_t now_unix) {
  CertificateFiles loaded;
  if (std::string problem = read_chain(files.chain, loaded); !problem.empty()) return problem;
  if (std::string problem = read_key(files.key, loaded); !problem.empty()) return problem;
  if (X509_check_private_key(loaded.leaf.get(), loaded.key.get()) != 1) {
    ERR_clear_error();
    return files.key + ": is not the key of the first certificate in " + files.chain;
  }
  loaded.not_after_unix = unix_time(X509_get0_notAfter(loaded.leaf.get()));
  if (loaded.not_after_unix <= now_unix) loaded.expired = files.chain + ": has expired; renew it";
  if (unix_time(X509_get0_notBefore(loaded.leaf.get())) > now_unix + 86'400) {
    return files.chain + ": is not valid before a day from now; is this machine's clock right?";
  }
  loaded.names = dns_names(loaded.leaf.get());
  if (loaded.names.empty()) return files.chain + ": names no host; it needs a subjectAltName";
  return loaded;
}

bool covers(const std::vector<std::string>& names, std::string_view host) {
  const std::size_t dot = host.find('.');
  const std::string_view parent = dot == std::string_view::npos ? std::string_view{} : host.substr(dot);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const bool is_wildcard = name.size() > 2 && name.starts_with("*.");
    return is_wildcard ? !parent.empty() && dot > 0 && parent == std::string_view(name).substr(1) : name == host;
  });
}

std::vector<std::string> check_certificates(const config::Config& config) {
  std::vector<std::string> problems;
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  for (const config::Listener& listener : config.listeners) {
    if (!listener.tls) continue;
    for (const config::Certificate& files : listener.tls->certificates) {
      const LoadedCertificate loaded = load_certificate(files, now);
      if (const auto* problem = std::get_if<std::string>(&loaded)) problems.push_back(*problem);
      const auto* read = std::get_if<CertificateFiles>(&loaded);
      if (read != nullptr && !read->expired.empty()) problems.push_back(read->expired);
    }
    if (listener.tls->ticket_keys.empty()) continue;
    const auto keys = read_ticket_keys(listener.tls->ticket_keys);
    if (const auto* problem = std::get_if<std::string>(&keys)) problems.push_back(*problem);
  }
  return problems;
}

}  // namespace sandgate::proxy::net

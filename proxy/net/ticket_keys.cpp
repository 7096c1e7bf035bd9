#include <proxy/net/ticket_keys.hpp>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <new>
#include <span>
#include <stdexcept>
#include <sys/stat.h>
#include <utility>

namespace sandgate::proxy::net {
namespace {

TicketKey make_key() {
  TicketKey key;
  if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
      RAND_priv_bytes(key.hmac_key.data(), static_cast<int>(key.hmac_key.size())) != 1 ||
      RAND_priv_bytes(key.aes_key.data(), static_cast<int>(key.aes_key.size())) != 1) {
    throw std::runtime_error("the system gives no random bytes");
  }
  return key;
}

void wipe(std::vector<TicketKey>& keys) {
  OPENSSL_cleanse(keys.data(), keys.size() * sizeof(TicketKey));
  keys.clear();
}

int key_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool set_mac_key(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  return EVP_MAC_init(mac, key.hmac_key.data(), key.hmac_key.size(), parameters) == 1;
}

}  // namespace

std::variant<std::vector<TicketKey>, std::string> read_ticket_keys(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return path + ": cannot be read: " + std::strerror(errno);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) return path + ": may be read by its owner alone; chmod 0600 it";
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<TicketKey> keys(bytes.size() / sizeof(TicketKey));
  const bool is_whole = !keys.empty() && bytes.size() % sizeof(TicketKey) == 0;
  if (is_whole) std::memcpy(keys.data(), bytes.data(), bytes.size());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  if (!is_whole) return path + ": must hold one or more keys of 80 bytes (openssl rand 80)";
  return keys;
}

TicketKeys::TicketKeys(TimePoint now) : keys_{make_key()}, made_at_(now) {}

TicketKeys::~TicketKeys() { wipe(keys_); }

void TicketKeys::replace(std::vector<TicketKey> keys) {
  const std::lock_guard lock(mutex_);
  wipe(keys_);
  keys_ = std::move(keys);
  from_file_ = true;
}

void TicketKeys::leave_file() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(from_file_, false)) return;
  made_at_ = TimePoint::min() + kLifetime;
}

std::array<unsigned char, 16> TicketKeys::name() const {
  const std::lock_guard lock(mutex_);
  return keys_.front().name;
}

void TicketKeys::rotate(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (from_file_ || now < made_at_ + kLifetime) return;
  OPENSSL_cleanse(&keys_.back(), keys_.size() > 1 ? sizeof(TicketKey) : 0);
  keys_ = {make_key(), keys_.front()};
  made_at_ = now;
}

void TicketKeys::install(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, key_index(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &TicketKeys::seal_or_open);
}

int TicketKeys::seal_or_open(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                             int sealing) {
  auto& keys = *static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), key_index()));
  return sealing == 1 ? keys.seal(name, iv, cipher, mac) : keys.open(name, iv, cipher, mac);
}

// The results are those of SSL_CTX_set_tlsext_ticket_key_evp_cb(3): -1 error, 0 no ticket, 1 good, 2 good and renew.

int TicketKeys::seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const std::lock_guard lock(mutex_);
  const TicketKey& key = keys_.front();
  if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
  std::copy(key.name.begin(), key.name.end(), name);
  const bool is_set = EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.aes_key.data(), iv) == 1;
  return is_set && set_mac_key(mac, key) ? 1 : -1;
}

int TicketKeys::open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const std::lock_guard lock(mutex_);
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const TicketKey& candidate) {
    return std::equal(candidate.name.begin(), candidate.name.end(), name);
  });
  if (key == keys_.end()) return 0;
  const bool is_set = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->aes_key.data(), iv) == 1;
  if (!is_set || !set_mac_key(mac, *key)) return -1;
  return key == keys_.begin() ? 1 : 2;
}

}  // namespace sandgate::proxy::net

// ticket_keys: what TLS session tickets are sealed with.
//
// OpenSSL's own key lives as long as the process; ours are replaced every kLifetime, and the one before is still
// accepted for as long again, so a ticket opens at most two lifetimes after it was sealed (hardening T-TICKET). Several
// edges share keys through a file: records of 80 bytes (16 name, 32 HMAC key, 32 AES key; the format of nginx and
// HAProxy), the first seals, all open. The file must be readable by its owner alone.
#pragma once

#include <proxy/base/deadline.hpp>

#include <openssl/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

namespace sandgate::proxy::net {

struct TicketKey {
  std::array<unsigned char, 16> name;
  std::array<unsigned char, 32> hmac_key;
  std::array<unsigned char, 32> aes_key;
};

/// Reads a key file; the string says what is wrong with it.
std::variant<std::vector<TicketKey>, std::string> read_ticket_keys(const std::string& path);

class TicketKeys {
 public:
  static constexpr std::chrono::hours kLifetime{8};

  explicit TicketKeys(TimePoint now);
  ~TicketKeys();  ///< Wipes them.
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// From a file; they are not rotated any more, the file is.
  void replace(std::vector<TicketKey> keys);
  /// No file is named any more: the next `rotate` makes a key of our own, and the file's first opens a while longer.
  void leave_file();
  /// Makes a new key when the current one has had its time.
  void rotate(TimePoint now);
  /// Of the key that seals; every ticket carries it in the clear.
  std::array<unsigned char, 16> name() const;

  /// Makes `context` seal and open with these keys, which must outlive it.
  void install(SSL_CTX* context);

 private:
  static int seal_or_open(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                          int sealing);
  int seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
  int open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);

  mutable std::mutex mutex_;
  std::vector<TicketKey> keys_;  ///< Guarded by mutex_. The first seals.
  TimePoint made_at_;
  bool from_file_ = false;
};

}  // namespace sandgate::proxy::net

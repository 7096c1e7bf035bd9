// OpenSSL 3.0's EVP interface allocates for every digest, even on a context that is used again (measured: one malloc
// with EVP_DigestInit_ex2, three with SHA256). Requests to private sandboxes shall not, so the older functions on a
// state of our own it is.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <auth/access_policy.hpp>

#include <boost/algorithm/hex.hpp>
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <iterator>

namespace sandgate::auth {
namespace {

constexpr std::size_t kHexDigitsPerByte = 2;

}  // namespace

TokenDigest digest_token(std::string_view token) {
  TokenDigest digest{};
  SHA256_CTX state;
  const bool done = SHA256_Init(&state) == 1 && SHA256_Update(&state, token.data(), token.size()) == 1 &&
                    SHA256_Final(digest.data(), &state) == 1;
  if (!done) std::abort();  // Cannot happen; without a digest no answer about access is right.
  return digest;
}

std::optional<TokenDigest> parse_digest(std::string_view hex) {
  TokenDigest digest{};
  if (hex.size() != digest.size() * kHexDigitsPerByte) return std::nullopt;
  const char* at = hex.data();
  for (std::uint8_t& byte : digest) {
    const char* const end = at + kHexDigitsPerByte;
    if (std::from_chars(at, end, byte, 16).ptr != end) return std::nullopt;
    at = end;
  }
  return digest;
}

std::string to_hex(const TokenDigest& digest) {
  std::string hex;
  hex.reserve(digest.size() * kHexDigitsPerByte);
  boost::algorithm::hex_lower(digest, std::back_inserter(hex));
  return hex;
}

bool is_closed_to_all(const AccessPolicy& policy) {
  if (!policy.tokens.empty()) return false;
  const auto asks_for_token = [](const PortAccess& access) { return !access.is_public; };
  return !policy.allow_public_traffic || std::any_of(policy.ports.begin(), policy.ports.end(), asks_for_token);
}

}  // namespace sandgate::auth

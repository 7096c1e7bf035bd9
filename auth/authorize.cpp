#include <auth/authorize.hpp>

#include <openssl/crypto.h>

#include <algorithm>

namespace sandgate::auth {
namespace {

/// The record's word on this very port, if it has one, comes before the configuration and before the sandbox's default.
bool asks_for_token(const AccessPolicy& policy, std::uint16_t port, const std::vector<std::uint16_t>& exempt_ports) {
  const auto is_this_port = [port](const PortAccess& access) { return access.port == port; };
  const auto override = std::find_if(policy.ports.begin(), policy.ports.end(), is_this_port);
  if (override != policy.ports.end()) return !override->is_public;
  if (std::find(exempt_ports.begin(), exempt_ports.end(), port) != exempt_ports.end()) return false;
  return !policy.allow_public_traffic;
}

/// Takes the same time whichever digest matches, and whether one does.
bool matches_any(const TokenDigest& presented, const ShortList<TokenDigest>& accepted) {
  unsigned int matches = 0;
  for (const TokenDigest& digest : accepted) {
    matches |= static_cast<unsigned int>(CRYPTO_memcmp(digest.data(), presented.data(), digest.size()) == 0);
  }
  return matches != 0;
}

}  // namespace

Verdict authorize(const AccessPolicy& policy, const Credentials& credentials, std::uint16_t port,
                  const std::vector<std::uint16_t>& exempt_ports) {
  if (!asks_for_token(policy, port, exempt_ports)) return Verdict::permit;
  if (credentials.is_missing()) return Verdict::token_missing;
  if (credentials.is_contradictory()) return Verdict::token_invalid;
  return matches_any(digest_token(credentials.token()), policy.tokens) ? Verdict::permit : Verdict::token_invalid;
}

}  // namespace sandgate::auth

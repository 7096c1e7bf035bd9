// access_policy: who may reach a sandbox's ports, as its record says (contract 3).
//
// Only digests of tokens are held: a dump of the process or a page of the admin API cannot give one away.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::auth {

/// SHA-256 of a traffic access token.
using TokenDigest = std::array<std::uint8_t, 32>;

TokenDigest digest_token(std::string_view token);
/// 64 hex digits of either case; anything else is nothing.
std::optional<TokenDigest> parse_digest(std::string_view hex);
std::string to_hex(const TokenDigest& digest);

struct PortAccess {
  std::uint16_t port = 0;
  bool is_public = true;  ///< true lets everyone in; false asks for the token even on a public sandbox.
};

struct AccessPolicy {
  bool allow_public_traffic = true;
  std::vector<TokenDigest> tokens;  ///< Empty: nobody gets in where a token is asked (fail closed). At most two.
  std::vector<PortAccess> ports;    ///< Overrides of single ports; sorted by port, no duplicates.
};

}  // namespace sandgate::auth

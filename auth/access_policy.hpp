// access_policy: who may reach a sandbox's ports, as its record says (contract 3).
//
// Only digests of tokens are held: a dump of the process or a page of the admin API cannot give one away. A policy is
// part of every route, of which there may be a million, so its lists have small headers.
#pragma once

#include <boost/container/options.hpp>
#include <boost/container/vector.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::auth {

/// SHA-256 of a traffic access token.
using TokenDigest = std::array<std::uint8_t, 32>;

/// Allocates nothing.
TokenDigest digest_token(std::string_view token);
/// 64 hex digits of either case; anything else is nothing.
std::optional<TokenDigest> parse_digest(std::string_view hex);
/// 64 lower-case hex digits.
std::string to_hex(const TokenDigest& digest);

/// A vector for at most 65535 elements: 16 bytes when empty, where std::vector has 24.
template <class T>
using ShortList =
    boost::container::vector<T, void, boost::container::vector_options_t<boost::container::stored_size<std::uint16_t>>>;

struct PortAccess {
  std::uint16_t port = 0;
  bool is_public = true;  ///< true lets everyone in; false asks for the token even on a public sandbox.
  friend bool operator==(const PortAccess&, const PortAccess&) = default;
};

struct AccessPolicy {
  ShortList<TokenDigest> tokens;  ///< Empty: nobody gets in where a token is asked (fail closed). At most two.
  ShortList<PortAccess> ports;    ///< Overrides of single ports; sorted by port, no duplicates.
  bool allow_public_traffic = true;
  friend bool operator==(const AccessPolicy&, const AccessPolicy&) = default;
};

/// Some port asks for a token and there is none that opens it: valid, but worth telling the operator once.
bool is_closed_to_all(const AccessPolicy& policy);

}  // namespace sandgate::auth

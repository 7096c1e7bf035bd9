// authorize: the one place that decides whether a request may reach a port of a sandbox (contract 3).
#pragma once

#include <auth/access_policy.hpp>
#include <auth/credentials.hpp>

#include <cstdint>
#include <vector>

namespace sandgate::auth {

enum class Verdict : std::uint8_t { permit, token_missing, token_invalid };

/// Tokens are compared as SHA-256 digests in constant time; every configured digest is compared. `exempt_ports` is
/// configuration; a record's own override for a port wins over it.
Verdict authorize(const AccessPolicy& policy, const Credentials& credentials, std::uint16_t port,
                  const std::vector<std::uint16_t>& exempt_ports);

}  // namespace sandgate::auth

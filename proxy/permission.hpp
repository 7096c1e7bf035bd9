// permission: whether a request may be carried to a sandbox as its route is now, asked before it is sent and again
// whenever the route changes while it is open (contract 3 and 5).
#pragma once

#include <auth/credentials.hpp>
#include <proxy/base/failure.hpp>
#include <routing/route.hpp>

#include <cstdint>
#include <vector>

namespace sandgate::proxy {

/// What a request was let in by: views into its head, which live as long as its exchange.
struct Grounds {
  auth::Credentials credentials;
  std::uint16_t port = 0;
};

/// Fails with token_missing or token_invalid. In node mode the node decides (contract 7).
Result<void> permit(const routing::Route& route, const Grounds& grounds,
                    const std::vector<std::uint16_t>& exempt_ports);

}  // namespace sandgate::proxy

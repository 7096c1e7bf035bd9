// explain_route: what would happen to a request for an authority, step by step, and why (`sandgate route`, /v1/route).
//
// The steps are those of contract 2 for a request that carries nothing but its authority: no path, no token, no
// certificate. It decides through the same functions as traffic does, and sends nothing.
#pragma once

#include <config/config.hpp>
#include <routing/route_table.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace sandgate::proxy {

/// JSON: {"authority","steps":[{"step","ok","detail"}],"outcome","upstream"}. `outcome` is "forward", or the reason
/// (contract 6) of the first step that is not ok; `upstream` is "address:port", or null when nothing would be dialled.
std::string explain_route(std::string_view authority, const config::Config& config, const routing::RouteTable& table,
                          std::chrono::system_clock::time_point now);

}  // namespace sandgate::proxy

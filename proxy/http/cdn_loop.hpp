// cdn_loop: how often a request has passed this deployment (RFC 8586).
//
//   CDN-Loop  = #cdn-info
//   cdn-info  = cdn-id *( OWS ";" OWS parameter )
//
// Pure; never fails. A quote that is not closed is read as an ordinary byte, so that what a sandbox writes in front
// cannot hide what the edge appended behind.
#pragma once

#include <cstddef>
#include <string_view>

namespace sandgate::proxy::http {

/// A request that was here this often is not forwarded again (contract 4: the eighth time is 508).
inline constexpr std::size_t kMostPasses = 7;

/// How many members of a CDN-Loop value have the cdn-id `edge_id`; compared without case.
std::size_t count_passes(std::string_view cdn_loop, std::string_view edge_id);

}  // namespace sandgate::proxy::http

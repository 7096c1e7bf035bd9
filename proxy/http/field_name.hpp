// field_name: what a field's name means to the edge. The one list of the names it treats specially (contract 4 and 5).
//
// A name is looked up in a table with a perfect hash made at compile time: one probe, and a comparison only when the
// length fits, so a name the edge does not care about costs next to nothing. Pure; never fails.
#pragma once

#include <cstdint>
#include <string_view>

namespace sandgate::proxy::http {

enum class NameKind : std::uint8_t {
  other,       ///< Passes as it is.
  hop_by_hop,  ///< Ends at the edge (RFC 9110 7.6.1); TE and Transfer-Encoding are so too, under their own kinds.
  te,          ///< Ends at the edge, but for `trailers`.
  transfer_encoding,
  content_length,
  host,
  expect,
  trailer,  ///< Names the trailers to come; passes.
  forwarded_for,
  forwarded_host,
  forwarded_proto,
  forwarded_port,
  forwarded_other,  ///< The rest of X-Forwarded-*.
  impostor,  ///< Says who the client is or what it asked for, and is not the edge's word: X-Real-IP, Forwarded...
  routing,   ///< E2b-Sandbox-Id, E2b-Sandbox-Port.
  cdn_loop,
  request_id,
  credentials,  ///< Authorization, Cookie and their answers; they pass, but not as trailers.
  set_cookie,
  origin,
  referer,
  location,
  alt_svc,
  edge_private,  ///< x-sandgate-*: only the edge says these.
};

struct NameMeaning {
  NameKind kind = NameKind::other;
  /// It has `_` where the known name has `-`. CGI, WSGI and the like read both as the same variable.
  bool is_twin = false;
};

NameMeaning meaning_of(std::string_view name);

/// Equal without case, and with `_` read as `-`.
bool is_same_name_or_twin(std::string_view a, std::string_view b);

}  // namespace sandgate::proxy::http

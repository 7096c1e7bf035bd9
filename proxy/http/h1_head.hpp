// h1_head: the bytes of one whole HTTP/1 head -> RequestHead or ResponseHead. The strictness table of the project.
//
// Framing is decided once, here, by one parser. CRLF only; no bare CR, LF or NUL anywhere; no obs-fold; no space before
// the colon; one Host; one Content-Length of digits, not with Transfer-Encoding; Transfer-Encoding exactly `chunked`,
// in HTTP/1.1 only (RFC 9112 2.2, 3, 5, 6; hardening H1-*, R-FRAME). What is parsed is never passed on as bytes:
// writers rebuild every line from the views.
//
// Pure: no socket, no clock, no allocation beyond the head's own field list. Views point into `block`.
#pragma once

#include <proxy/base/failure.hpp>
#include <proxy/http/head.hpp>

#include <cstddef>
#include <string_view>

namespace sandgate::proxy::http {

struct HeadLimits {
  std::size_t head_bytes;
  std::size_t fields;
  std::size_t target_bytes;  ///< Requests only.
};

/// Where a head ends in the bytes received so far.
struct HeadEnd {
  enum class State : std::uint8_t { complete, incomplete, malformed };
  State state;
  std::size_t size = 0;  ///< When complete: bytes up to and with the blank line.
};

/// Looks for the blank line, starting where the last look ended (`scanned` bytes of `bytes` were seen before, by the
/// same function). Malformed as soon as a byte that no head may hold is seen (bare CR or LF, NUL), so that a hostile
/// head is refused before it is whole.
HeadEnd find_head_end(std::string_view bytes, std::size_t scanned);

/// `block` is exactly one head, blank line included. Fails with bad_request, unsupported_version, unsupported_coding,
/// bad_expectation, method_not_allowed (CONNECT, TRACE), head_too_large (fields), target_too_long.
/// On failure `head.version`, `method` and `target` hold what had been understood, for the log.
Result<void> parse_request(std::string_view block, const HeadLimits& limits, RequestHead& head);

/// What the request was decides how its response is framed (RFC 9112 6.3).
struct ResponseContext {
  bool is_head_request = false;
  std::string_view upgrade;  ///< Protocol that was asked for; empty: a 101 is invalid.
};

/// Fails with response_invalid only. A status line without the space after the code is accepted (contract 5).
/// A 1xx has no body whatever it says; a 101 is checked against the context.
Result<void> parse_response(std::string_view block, const HeadLimits& limits, const ResponseContext& context,
                            ResponseHead& head);

}  // namespace sandgate::proxy::http

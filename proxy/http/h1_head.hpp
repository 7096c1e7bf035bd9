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
#include <cstdint>
#include <string_view>

namespace sandgate::proxy::http {

/// A longer method is refused, whatever protocol carries it.
inline constexpr std::size_t kMaxMethodBytes = 64;

struct HeadLimits {
  std::size_t head_bytes;
  std::size_t fields;
  std::size_t target_bytes;  ///< Requests only.
};

/// Where a head ends in the bytes received so far.
struct HeadEnd {
  enum class State : std::uint8_t { complete, incomplete, malformed };
  State state;
  std::size_t size = 0;  ///< When complete: bytes up to and with the blank line, a leading empty line included.
};

/// Looks for the blank line, starting where the last look ended (`scanned` bytes of `bytes` were seen before, by the
/// same function), so a head that comes byte by byte is scanned once. Malformed as soon as a byte is seen that no head
/// may hold (a control but HTAB and CRLF: bare CR or LF, NUL, a TLS record), so that a hostile head is refused before
/// it is whole. One empty line before the head belongs to it (contract 4: skipped by parse_request, refused by
/// parse_response); a second one is malformed.
HeadEnd find_head_end(std::string_view bytes, std::size_t scanned);

/// What to answer when the limit was reached before the blank line came: target_too_long when not even the request line
/// is whole, else head_too_large.
Failure oversize_failure(std::string_view bytes);

/// `block` is exactly one head, blank line included, one leading empty line allowed. Fails with bad_request,
/// unsupported_version, unsupported_coding, bad_expectation, method_not_allowed (CONNECT, TRACE), head_too_large
/// (`head_bytes`, `fields`), target_too_long (the target alone is longer than `target_bytes`).
///
/// All fields stay in head.fields as sent, but Host, which becomes the authority: framing, Connection, Upgrade and
/// Expect are the rewriter's to drop. On failure `version`, `method` and `target` hold what had been understood, for
/// the log, and `keep_alive` is false: nothing after a refused head may be parsed.
Result<void> parse_request(std::string_view block, const HeadLimits& limits, RequestHead& head);

/// What the request was decides how its response is framed (RFC 9112 6.3).
struct ResponseContext {
  bool is_head_request = false;
  std::string_view upgrade;  ///< Protocol that was asked for; empty: a 101 is invalid.
};

/// Fails with response_invalid only. A status line without the space after the code is accepted (contract 5).
///
/// A 1xx, 204, 304 and any answer to HEAD have no body whatever they say, so `body` is `none`; a 101 is checked against
/// the context, and its "body" is what the tunnel brings (`until_end`). Content-Length and Transfer-Encoding are taken
/// out of the fields, `body` says what they said; only the answer to HEAD and a 304 keep their Content-Length field,
/// because it tells of a body that is not sent. A 204 that announces a body is not kept alive: the body may still come.
Result<void> parse_response(std::string_view block, const HeadLimits& limits, const ResponseContext& context,
                            ResponseHead& head);

}  // namespace sandgate::proxy::http

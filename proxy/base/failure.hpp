// failure: everything that can end an exchange otherwise than well, as one closed table.
//
// The label is the log's `reason`, the metric's `outcome` and the response's `x-sandgate-reason`; the row says who is
// to blame, what the client gets, and whether the connection ends (contract 6). A cause that is not in this table does
// not exist: error codes are translated to a row where they arise.
#pragma once

#include <boost/system/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sandgate::proxy {

enum class Failure : std::uint8_t {
  // Refusals: the edge answers itself.
  sandbox_not_found,
  port_closed,
  sandbox_unreachable,
  sandbox_reset,
  response_invalid,
  response_timeout,
  record_invalid,
  registry_unavailable,
  token_missing,
  token_invalid,
  too_many_connections,
  client_limit,
  overloaded,
  draining,
  loop_detected,
  agent_route_reserved,
  bad_authority,
  misdirected,
  bad_request,
  unsupported_version,
  unsupported_coding,
  bad_expectation,
  method_not_allowed,
  head_too_large,
  target_too_long,
  head_timeout,
  // Ends without an answer of the edge's own: the response had begun, or nobody is there to read one.
  client_closed,
  client_body_timeout,
  client_write_timeout,
  stream_idle_timeout,
  route_changed,
  sandbox_truncated,
};
inline constexpr std::size_t kFailureCount = static_cast<std::size_t>(Failure::sandbox_truncated) + 1;

enum class Blame : std::uint8_t { none, client, sandbox, edge };

/// What the body of the refusal is (contract 6).
enum class RefusalBody : std::uint8_t {
  none,                ///< No response of the edge's own.
  text,                ///< text/plain, one sentence.
  json,                ///< {"message","code"}; HTML for browsers.
  json_sandbox,        ///< {"sandboxId","message","code"}
  json_port,           ///< {"sandboxId","message","port","code"}
  json_limit,          ///< {"message","code","connectionLimit"}
  json_sandbox_limit,  ///< {"sandboxId","message","code","connectionLimit"}
  json_path,           ///< {"message","path","code"}
};

struct FailureRow {
  Failure failure;
  std::string_view label;
  Blame blame;
  std::uint16_t status;      ///< 0: none.
  std::uint8_t retry_after;  ///< Seconds; 0: no Retry-After.
  bool closes;               ///< The client connection ends after the answer (HTTP/1).
  RefusalBody body;
  /// In all three texts `{limit}`, `{port}` and `{header}` (the token's) stand for what the refusal says of them.
  std::string_view message;
  std::string_view page_title;   ///< What is wrong, as a browser shows it first.
  std::string_view page_advice;  ///< What to do about it.
};

const FailureRow& row(Failure failure);
inline std::string_view label(Failure failure) { return row(failure).label; }
std::string_view label(Blame blame);

template <class T>
using Result = boost::system::result<T, Failure>;

[[noreturn]] void throw_exception_from_error(Failure failure, const boost::source_location& where);

}  // namespace sandgate::proxy

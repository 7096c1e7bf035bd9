// route_record: the JSON a registry holds for a sandbox <-> Route (contract 7).
//
// Registries are trusted but may hold anything: a record of any bytes gives a Route or a RecordError, never a crash and
// never a Route that says less than the record did (fail closed: a field of the wrong type is an error, not a default).
#pragma once

#include <routing/route.hpp>

#include <boost/system/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sandgate::routing {

struct RecordError {
  std::string field;  ///< "mask_request_host", "ports.8080.protocol"; empty: the record as a whole.
  std::string text;   ///< What is wrong and what to write instead. Never a token.
};
[[noreturn]] void throw_exception_from_error(const RecordError& error, const boost::source_location& where);

/// Larger records, and ones nested deeper than any real one, are errors.
inline constexpr std::size_t kMaxRecordBytes = std::size_t{64} * 1024;

/// `id` comes from the registry's key; a `sandbox_id` inside the record must agree with it. A field that is null is
/// absent, and so is an empty `execution_id` or token: writers in Go say it so. With both forms of the token the
/// digests must include the token's own; anything else is two opinions on who may come in, and an error.
boost::system::result<RoutePtr, RecordError> parse_record(const SandboxId& id, std::string_view json);

/// The record as it may be shown: `traffic_access_token` replaced by `traffic_access_token_sha256`, all else kept,
/// unknown fields and their order included. Only for a record that `parse_record` accepted; any other gives "{}".
std::string redact_record(std::string_view json);

}  // namespace sandgate::routing

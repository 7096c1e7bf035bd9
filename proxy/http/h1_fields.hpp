// h1_fields: field lines of heads and trailer sections, and the few field values that decide framing and connection.
//
// The one reader of field lines: requests, responses and trailers all go through `read_section` (RFC 9112 5). No name
// but a token, nothing between name and colon, no obs-fold, no byte in a value that is not text, CRLF only. Pure; views
// into what was handed over; each function says "no" by its return value.
#pragma once

#include <proxy/http/h1_bytes.hpp>
#include <proxy/http/head.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sandgate::proxy::http {

/// One field line and where the next begins; null when the line is malformed.
struct FieldLine {
  Field field;
  const char* next = nullptr;
};

inline FieldLine read_field_line(const char* at, const char* end) {
  const char* const colon = skip(ByteClass::token, at, end);
  if (colon == at || colon == end || *colon != ':') return {};
  const char* const value = skip(ByteClass::space, colon + 1, end);
  const char* const line_end = skip_text(value, end);
  if (end - line_end < 2 || line_end[0] != '\r' || line_end[1] != '\n') return {};
  const char* value_end = line_end;
  while (value_end != value && is(ByteClass::space, value_end[-1])) --value_end;
  return {{{at, static_cast<std::size_t>(colon - at)}, {value, static_cast<std::size_t>(value_end - value)}},
          line_end + 2};
}

enum class Section : std::uint8_t { complete, malformed, too_many_fields };

/// Reads field lines up to the blank line, which must be the end of `text`, and hands each to `take(Field)`.
template <class Take>
Section read_section(std::string_view text, std::size_t max_fields, Take take) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t count = 0;; ++count) {
    if (end - at == 2 && at[0] == '\r' && at[1] == '\n') return Section::complete;
    const FieldLine line = read_field_line(at, end);
    if (!line.next) return Section::malformed;
    if (count == max_fields) return Section::too_many_fields;
    take(line.field);
    at = line.next;
  }
}

/// The fields that decide where a message goes, where it ends, and what becomes of the connection.
enum class Role : std::uint8_t { other, host, content_length, transfer_encoding, connection, upgrade, expect };
Role role_of(std::string_view field_name);

/// Content-Length and Transfer-Encoding as they were seen, not yet judged.
struct FramingFields {
  std::string_view content_length;
  std::string_view transfer_encoding;
  std::size_t content_lengths = 0;
  std::size_t transfer_encodings = 0;

  void take(Role role, std::string_view value);
};

/// 1*DIGIT, at most 2^63-1 (RFC 9110 8.6; a list of equal numbers is refused too).
std::optional<std::uint64_t> parse_content_length(std::string_view value);

enum class Coding : std::uint8_t { chunked, unknown, malformed };
/// `chunked` only when the value is exactly that; `unknown` for a lawful list of others (RFC 9112 6.1), which an edge
/// may answer with 501; `malformed` for anything else, `chunked` not last or not alone at the end included.
Coding parse_transfer_encoding(std::string_view value);

/// What the Connection fields say, all lines taken together (RFC 9110 7.6.1). What is no token matches nothing.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;

  void take(std::string_view value);
  /// Whether the connection persists (RFC 9112 9.3).
  bool persists(Version version) const { return !close && (version == Version::http_1_1 || keep_alive); }
};

/// Takes the first element off a comma-separated list: OWS trimmed, empty when the element is (RFC 9110 5.6.1).
std::string_view take_element(std::string_view& list);

}  // namespace sandgate::proxy::http

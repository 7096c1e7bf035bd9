// A sandbox is as untrusted as a client: what is not exactly right is response_invalid, and nothing is repaired.
#include <proxy/http/h1_fields.hpp>
#include <proxy/http/h1_head.hpp>

namespace sandgate::proxy::http {
namespace {

/// What the field lines said about framing and connection.
struct Notes {
  FramingFields framing;
  ConnectionOptions connection;
  std::string_view upgrade;
  std::size_t upgrades = 0;
};

/// HTTP-version SP status-code [SP reason] CRLF; on success `rest` begins at the first field line.
bool parse_status_line(std::string_view& rest, ResponseHead& head) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  constexpr std::size_t kCodeAt = 9;
  constexpr std::size_t kCodeEnd = 12;
  if (!rest.starts_with("HTTP/1.0 ") && !rest.starts_with("HTTP/1.1 ")) return false;
  const char* const line_end = skip_text(rest.data() + kCodeAt, rest.data() + rest.size());
  const std::string_view line = rest.substr(0, static_cast<std::size_t>(line_end - rest.data()));
  if (!rest.substr(line.size()).starts_with("\r\n") || line.size() < kCodeEnd) return false;
  std::uint16_t status = 0;
  for (const char digit : line.substr(kCodeAt, kCodeEnd - kCodeAt)) {
    if (!is_digit(digit)) return false;
    status = static_cast<std::uint16_t>(status * 10 + (digit - '0'));
  }
  if (status < 100 || status > 599) return false;
  if (line.size() > kCodeEnd && line[kCodeEnd] != ' ') return false;
  head.version = line[7] == '0' ? Version::http_1_0 : Version::http_1_1;
  head.status = status;
  if (line.size() > kCodeEnd) head.reason = line.substr(kCodeEnd + 1);
  rest.remove_prefix(line.size() + 2);
  return true;
}

bool parse_fields(std::string_view text, std::size_t max_fields, bool keeps_length, ResponseHead& head, Notes& notes) {
  const auto take = [&](const Field& field) {
    const Role role = role_of(field.name);
    notes.framing.take(role, field.value);
    if (role == Role::connection) notes.connection.take(field.value);
    if (role == Role::upgrade) {
      notes.upgrade = field.value;
      ++notes.upgrades;
    }
    const bool is_framing = role == Role::content_length || role == Role::transfer_encoding;
    if (!is_framing || (role == Role::content_length && keeps_length)) head.fields.add(field.name, field.value);
  };
  return read_section(text, max_fields, take) == Section::complete;
}

/// What the framing fields say, whether or not this response has a body; nothing when they are invalid.
std::optional<BodyLength> stated_body(const FramingFields& framing, Version version) {
  if (framing.transfer_encodings > 0) {
    const bool is_alone = framing.transfer_encodings == 1 && framing.content_lengths == 0;
    if (!is_alone || version != Version::http_1_1) return std::nullopt;
    if (parse_transfer_encoding(framing.transfer_encoding) != Coding::chunked) return std::nullopt;
    return BodyLength{BodyLength::Kind::chunked};
  }
  if (framing.content_lengths == 0) return BodyLength{BodyLength::Kind::until_end};
  if (framing.content_lengths > 1) return std::nullopt;
  const std::optional<std::uint64_t> length = parse_content_length(framing.content_length);
  if (!length) return std::nullopt;
  return BodyLength{BodyLength::Kind::length, *length};
}

/// A 101 is valid only as the answer to what was asked (contract 5).
bool is_expected_switch(const Notes& notes, const ResponseContext& context, Version version) {
  return !context.upgrade.empty() && version == Version::http_1_1 && notes.connection.upgrade && notes.upgrades == 1 &&
         equal_ignoring_case(notes.upgrade, context.upgrade);
}

/// RFC 9112 6.3, in its order.
void decide_body(const BodyLength& stated, bool is_head_request, ResponseHead& head) {
  const bool announces_body = stated.kind == BodyLength::Kind::chunked || stated.length > 0;
  if (head.status == 101) {
    head.body = {BodyLength::Kind::until_end};
    head.keep_alive = false;
  } else if (head.status < 200 || head.status == 204) {
    head.keep_alive = head.keep_alive && !(head.status == 204 && announces_body);
  } else if (!is_head_request && head.status != 304) {
    head.body = stated;
    head.keep_alive = head.keep_alive && stated.kind != BodyLength::Kind::until_end;
  }
}

bool parse(std::string_view rest, const HeadLimits& limits, const ResponseContext& context, ResponseHead& head) {
  if (rest.size() > limits.head_bytes || !parse_status_line(rest, head)) return false;
  const bool is_bare =
      head.status < 200 || head.status == 204;  // Content-Length may not be said at all (RFC 9110 8.6).
  const bool keeps_length = head.status == 304 || (context.is_head_request && !is_bare);
  Notes notes;
  if (!parse_fields(rest, limits.fields, keeps_length, head, notes)) return false;
  if (head.status == 101 && !is_expected_switch(notes, context, head.version)) return false;
  const std::optional<BodyLength> stated = stated_body(notes.framing, head.version);
  if (!stated) return false;
  head.keep_alive = notes.connection.persists(head.version);
  decide_body(*stated, context.is_head_request, head);
  return true;
}

void clear(ResponseHead& head) {
  head.status = 0;
  head.reason = {};
  head.version = Version::http_1_1;
  head.fields.clear();
  head.body = {};
  head.keep_alive = false;
}

}  // namespace

Result<void> parse_response(std::string_view block, const HeadLimits& limits, const ResponseContext& context,
                            ResponseHead& head) {
  clear(head);
  if (!parse(block, limits, context, head)) return Failure::response_invalid;
  return {};
}

}  // namespace sandgate::proxy::http

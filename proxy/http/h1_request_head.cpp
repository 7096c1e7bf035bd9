// The order is that of the head: request line, field lines, and then what they mean together: where the request goes,
// where it ends, what becomes of the connection. The first rule that is broken is the failure.
#include <proxy/http/h1_fields.hpp>
#include <proxy/http/h1_head.hpp>
#include <routing/authority.hpp>

namespace sandgate::proxy::http {
namespace {

/// What the field lines said, beyond being in the list.
struct Notes {
  FramingFields framing;
  ConnectionOptions connection;
  std::string_view host;
  std::size_t hosts = 0;
  std::string_view expectation;
  std::size_t expectations = 0;
  std::string_view upgrade;  ///< The first protocol on offer that is not h2c.
  bool upgrade_is_malformed = false;

  void take(Role role, std::string_view value);
  void take_upgrade(std::string_view protocols);
};

/// protocol-name ["/" protocol-version] (RFC 9110 7.8)
bool is_protocol(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_token(text);
  return is_token(text.substr(0, slash)) && is_token(text.substr(slash + 1));
}

// h2c is never forwarded: behind a tunnel of it requests would pass unseen.
bool is_h2c(std::string_view protocol) { return equal_ignoring_case(protocol.substr(0, protocol.find('/')), "h2c"); }

void Notes::take_upgrade(std::string_view protocols) {
  while (!protocols.empty()) {
    const std::string_view protocol = take_element(protocols);
    if (protocol.empty()) continue;
    if (!is_protocol(protocol)) upgrade_is_malformed = true;
    if (upgrade.empty() && !is_h2c(protocol)) upgrade = protocol;
  }
}

void Notes::take(Role role, std::string_view value) {
  switch (role) {
    case Role::host:
      host = value;
      ++hosts;
      break;
    case Role::content_length:
    case Role::transfer_encoding:
      framing.take(role, value);
      break;
    case Role::connection:
      connection.take(value);
      break;
    case Role::upgrade:
      take_upgrade(value);
      break;
    case Role::expect:
      expectation = value;
      ++expectations;
      break;
    case Role::other:
      break;
  }
}

/// `HTTP/1.0` and `HTTP/1.1`; a higher minor version is read as 1.1 (RFC 9110 2.5), another major one is refused.
Result<Version> parse_version(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.') return Failure::bad_request;
  if (!is_digit(text[5]) || !is_digit(text[7])) return Failure::bad_request;
  if (text[5] != '1') return Failure::unsupported_version;
  return text[7] == '0' ? Version::http_1_0 : Version::http_1_1;
}

/// method SP request-target SP HTTP-version CRLF; on success `rest` begins at the first field line.
Result<void> parse_request_line(std::string_view& rest, const HeadLimits& limits, RequestHead& head) {
  const char* const method = rest.data();
  const char* const end = method + rest.size();
  const char* const method_end = skip(ByteClass::token, method, end);
  const std::string_view method_text(method, static_cast<std::size_t>(method_end - method));
  if (method_text.empty() || method_text.size() > kMaxMethodBytes) return Failure::bad_request;
  if (method_end == end || *method_end != ' ') return Failure::bad_request;
  head.method = method_text;

  const char* const target = method_end + 1;
  const char* const target_end = skip(ByteClass::target, target, end);
  if (target_end == target || target_end == end || *target_end != ' ') return Failure::bad_request;
  head.target = {target, static_cast<std::size_t>(target_end - target)};
  if (head.target.size() > limits.target_bytes) return Failure::target_too_long;

  const char* const version = target_end + 1;
  const char* const line_end = skip_text(version, end);
  if (end - line_end < 2 || line_end[0] != '\r' || line_end[1] != '\n') return Failure::bad_request;
  const Result<Version> parsed = parse_version({version, static_cast<std::size_t>(line_end - version)});
  if (!parsed) return parsed.error();
  head.version = *parsed;
  rest.remove_prefix(static_cast<std::size_t>(line_end + 2 - method));
  return {};
}

Result<void> parse_fields(std::string_view text, std::size_t max_fields, RequestHead& head, Notes& notes) {
  const auto take = [&head, &notes](const Field& field) {
    const Role role = role_of(field.name);
    if (role != Role::other) notes.take(role, field.value);
    if (role != Role::host) head.fields.add(field.name, field.value);
  };
  switch (read_section(text, max_fields, take)) {
    case Section::complete:
      return {};
    case Section::too_many_fields:
      return Failure::head_too_large;
    case Section::malformed:
      break;
  }
  return Failure::bad_request;
}

/// Splits an absolute-form target into authority and origin-form. False when it is neither http nor https.
bool take_absolute_form(RequestHead& head) {
  std::string_view rest = head.target;
  const std::size_t scheme_end = rest.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const std::string_view scheme = rest.substr(0, scheme_end);
  if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) return false;
  rest.remove_prefix(scheme_end + 3);
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  head.authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);
  if (rest.empty()) {
    head.target = head.method == "OPTIONS" ? "*" : "/";  // RFC 9112 3.2.4
  } else if (rest.front() == '/') {
    head.target = rest;
  } else {
    head.made_target.assign(1, '/');
    head.made_target.insert(head.made_target.end(), rest.begin(), rest.end());
    head.target = {head.made_target.data(), head.made_target.size()};
  }
  return true;
}

/// The four forms of RFC 9112 3.2 but authority-form, and exactly one Host that agrees with an absolute-form.
Result<void> decide_authority(const Notes& notes, RequestHead& head) {
  if (notes.hosts != 1 || !routing::split_authority(notes.host)) return Failure::bad_request;
  if (head.target.front() == '/' || (head.target == "*" && head.method == "OPTIONS")) {
    head.authority = notes.host;
    return {};
  }
  if (!take_absolute_form(head)) return Failure::bad_request;
  const bool is_valid = routing::split_authority(head.authority) && routing::same_authority(head.authority, notes.host);
  if (!is_valid) return Failure::bad_request;
  return {};
}

/// RFC 9112 6.3, without its leniencies.
Result<void> decide_body(const FramingFields& framing, RequestHead& head) {
  if (framing.transfer_encodings > 0) {
    const bool is_alone = framing.transfer_encodings == 1 && framing.content_lengths == 0;
    if (!is_alone || head.version != Version::http_1_1) return Failure::bad_request;
    const Coding coding = parse_transfer_encoding(framing.transfer_encoding);
    if (coding == Coding::malformed) return Failure::bad_request;
    if (coding == Coding::unknown) return Failure::unsupported_coding;
    head.body = {BodyLength::Kind::chunked};
  } else if (framing.content_lengths > 0) {
    if (framing.content_lengths > 1) return Failure::bad_request;
    const std::optional<std::uint64_t> length = parse_content_length(framing.content_length);
    if (!length) return Failure::bad_request;
    if (*length > 0) head.body = {BodyLength::Kind::length, *length};
  }
  return {};
}

/// HTTP/1.0 knows no expectations; they are ignored (RFC 9110 10.1.1).
Result<void> decide_expectation(const Notes& notes, RequestHead& head) {
  if (notes.expectations == 0 || head.version == Version::http_1_0) return {};
  if (notes.expectations > 1 || !equal_ignoring_case(notes.expectation, "100-continue")) {
    return Failure::bad_expectation;
  }
  head.expects_continue = head.body.kind != BodyLength::Kind::none;
  return {};
}

/// An upgrade that cannot be forwarded is an ordinary request without it (contract 5, hardening 1.4).
std::string_view decide_upgrade(const Notes& notes, const RequestHead& head) {
  const bool is_asked_for = notes.connection.upgrade && !notes.upgrade_is_malformed;
  if (!is_asked_for || head.version != Version::http_1_1) return {};
  if (head.body.kind != BodyLength::Kind::none) return {};
  if (equal_ignoring_case(notes.upgrade, "websocket") && head.method != "GET") return {};
  return notes.upgrade;
}

Result<void> parse(std::string_view rest, const HeadLimits& limits, RequestHead& head) {
  const std::size_t size = rest.size();
  if (rest.starts_with("\r\n")) rest.remove_prefix(2);
  if (const auto line = parse_request_line(rest, limits, head); !line) return line;
  if (size > limits.head_bytes) return Failure::head_too_large;
  if (head.method == "CONNECT" || head.method == "TRACE") return Failure::method_not_allowed;
  Notes notes;
  if (const auto fields = parse_fields(rest, limits.fields, head, notes); !fields) return fields;
  if (const auto authority = decide_authority(notes, head); !authority) return authority;
  if (const auto body = decide_body(notes.framing, head); !body) return body;
  if (const auto expectation = decide_expectation(notes, head); !expectation) return expectation;
  head.upgrade = decide_upgrade(notes, head);
  head.keep_alive = notes.connection.persists(head.version);
  return {};
}

void clear(RequestHead& head) {
  head.method = head.target = head.authority = head.upgrade = {};
  head.version = Version::http_1_1;
  head.fields.clear();
  head.body = {};
  head.keep_alive = false;
  head.expects_continue = false;
  head.made_target.clear();
}

}  // namespace

Result<void> parse_request(std::string_view block, const HeadLimits& limits, RequestHead& head) {
  clear(head);
  return parse(block, limits, head);
}

}  // namespace sandgate::proxy::http

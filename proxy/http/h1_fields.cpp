#include <proxy/http/h1_fields.hpp>

#include <charconv>
#include <limits>

namespace sandgate::proxy::http {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && is(ByteClass::space, text.front())) text.remove_prefix(1);
  while (!text.empty() && is(ByteClass::space, text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Role role_of(std::string_view field_name) {
  const auto when = [field_name](std::string_view name, Role role) {
    return equal_ignoring_case(field_name, name) ? role : Role::other;
  };
  switch (field_name.size()) {
    case 4:
      return when("host", Role::host);
    case 6:
      return when("expect", Role::expect);
    case 7:
      return when("upgrade", Role::upgrade);
    case 10:
      return when("connection", Role::connection);
    case 14:
      return when("content-length", Role::content_length);
    case 17:
      return when("transfer-encoding", Role::transfer_encoding);
    default:
      return Role::other;
  }
}

void FramingFields::take(Role role, std::string_view value) {
  if (role == Role::content_length) {
    content_length = value;
    ++content_lengths;
  } else if (role == Role::transfer_encoding) {
    transfer_encoding = value;
    ++transfer_encodings;
  }
}

std::optional<std::uint64_t> parse_content_length(std::string_view value) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::uint64_t length = 0;
  // For an unsigned type from_chars takes digits only: no sign, no space, no prefix.
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (error != std::errc() || end != value.data() + value.size() || length > kMax) return std::nullopt;
  return length;
}

Coding parse_transfer_encoding(std::string_view value) {
  if (equal_ignoring_case(value, "chunked")) return Coding::chunked;
  bool chunked_seen = false;
  while (true) {
    const bool is_last = value.find(',') == std::string_view::npos;
    const std::string_view coding = take_element(value);
    if (!is_token(coding) || chunked_seen) return Coding::malformed;
    chunked_seen = equal_ignoring_case(coding, "chunked");
    if (is_last) return Coding::unknown;
  }
}

void ConnectionOptions::take(std::string_view value) {
  while (!value.empty()) {
    const std::string_view option = take_element(value);
    close = close || equal_ignoring_case(option, "close");
    keep_alive = keep_alive || equal_ignoring_case(option, "keep-alive");
    upgrade = upgrade || equal_ignoring_case(option, "upgrade");
  }
}

std::string_view take_element(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view element = list.substr(0, comma);
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return trim(element);
}

}  // namespace sandgate::proxy::http

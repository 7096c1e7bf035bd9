#include <proxy/http/h1_fields.hpp>
#include <proxy/http/refusal.hpp>

#include <algorithm>
#include <array>

namespace sandgate::proxy::http {
namespace {

bool contains_ignoring_case(std::string_view text, std::string_view word) {
  const auto is_same = [](char x, char y) { return to_lower(x) == to_lower(y); };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), is_same) != text.end();
}

bool any_value_contains(const Fields& fields, std::string_view name, std::string_view word) {
  return std::any_of(fields.begin(), fields.end(), [name, word](const Field& field) {
    return equal_ignoring_case(field.name, name) && contains_ignoring_case(field.value, word);
  });
}

bool is_browser(std::string_view user_agent) {
  constexpr std::array<std::string_view, 7> kNames = {"mozilla", "chrome", "safari", "firefox",
                                                      "edge",    "opera",  "msie"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [user_agent](std::string_view name) { return contains_ignoring_case(user_agent, name); });
}

/// A script's request; a browser's page would be an unreadable answer to it.
bool is_script_mode(std::string_view fetch_mode) {
  constexpr std::array<std::string_view, 4> kModes = {"cors", "no-cors", "same-origin", "websocket"};
  return std::any_of(kModes.begin(), kModes.end(),
                     [fetch_mode](std::string_view mode) { return equal_ignoring_case(fetch_mode, mode); });
}

/// In the order of contract 6. Scripts cannot choose their User-Agent, so what they can say, or what the browser says
/// about them, comes first; and Sec-Fetch-Mode, which they cannot forge, before X-Requested-With, which they can.
bool wants_html(const Fields& fields) {
  const bool accepts_html = any_value_contains(fields, "accept", "text/html");
  if (!accepts_html && any_value_contains(fields, "accept", "application/json")) return false;
  const std::string_view fetch_mode = fields.value("sec-fetch-mode");
  if (is_script_mode(fetch_mode)) return false;
  const bool is_navigation = equal_ignoring_case(fetch_mode, "navigate");
  if (!is_navigation && fields.find("x-requested-with")) return false;
  return is_browser(fields.value("user-agent"));
}

}  // namespace

RefusalFormat choose_format(Failure failure, const RequestHead* request) {
  if (request && is_grpc(request->fields)) return RefusalFormat::grpc;
  if (row(failure).body == RefusalBody::text) return RefusalFormat::text;
  return request && wants_html(request->fields) ? RefusalFormat::html : RefusalFormat::json;
}

int grpc_status(std::uint16_t http_status) {
  switch (http_status) {
    case 400:
      return 3;  // INVALID_ARGUMENT
    case 403:
      return 7;  // PERMISSION_DENIED
    case 404:
      return 12;  // UNIMPLEMENTED
    case 429:
      return 8;  // RESOURCE_EXHAUSTED
    case 504:
      return 4;  // DEADLINE_EXCEEDED
    case 502:
    case 503:
      return 14;  // UNAVAILABLE
    default:
      return 2;  // UNKNOWN
  }
}

}  // namespace sandgate::proxy::http

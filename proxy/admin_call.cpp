#include <proxy/admin_call.hpp>
#include <proxy/printable.hpp>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>
#include <utility>

namespace sandgate::proxy {
namespace {

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view hex = text.substr(i + 1, 2);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    if (hex.size() != 2 || error != std::errc() || end != hex.data() + hex.size()) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

/// Takes the text up to `separator` off the front of `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

}  // namespace

std::optional<AdminTarget> parse_admin_target(std::string_view target) {
  if (!target.starts_with('/')) return std::nullopt;
  target.remove_prefix(1);
  std::string_view path = take_until(target, '?');

  AdminTarget parsed;
  for (bool is_more = true; is_more;) {
    is_more = path.find('/') != std::string_view::npos;
    auto segment = percent_decode(take_until(path, '/'));
    if (!segment) return std::nullopt;
    parsed.segments.push_back(*std::move(segment));
  }
  while (!target.empty()) {
    std::string_view pair = take_until(target, '&');
    if (pair.empty()) continue;
    auto name = percent_decode(take_until(pair, '='));
    auto value = percent_decode(pair);
    if (!name || !value) return std::nullopt;
    if (!parsed.parameters.emplace(*std::move(name), *std::move(value)).second) return std::nullopt;
  }
  return parsed;
}

const std::string* AdminCall::parameter(std::string_view name) const {
  const auto it = target.parameters.find(name);
  return it == target.parameters.end() ? nullptr : &it->second;
}

AdminResponse json_answer(std::uint16_t status, const boost::json::value& body) {
  AdminResponse response;
  response.status = status;
  response.body = boost::json::serialize(body) + "\n";
  return response;
}

AdminResponse error_answer(std::uint16_t status, std::string_view text, std::string_view field) {
  boost::json::object body{{"error", printable(text)}};
  if (!field.empty()) body["field"] = printable(field);
  return json_answer(status, body);
}

AdminResponse text_answer(std::uint16_t status, std::string body) {
  AdminResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

}  // namespace sandgate::proxy

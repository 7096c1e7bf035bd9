#include <proxy/registry/kubernetes/json_text.hpp>

#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>

#include <cstddef>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 128;

}  // namespace

Parsed parse(std::string_view text, json::storage_ptr storage) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code error;
  json::value parsed = json::parse(json::string_view(text.data(), text.size()), error, std::move(storage), options);
  if (error || !parsed.is_object()) return {{}, error == json::error::too_deep};
  return {std::move(parsed)};
}

json::value parse_object(std::string_view text) { return parse(text, {}).value; }

std::string shallow(std::string_view text, std::size_t levels) {
  std::string out;
  std::size_t depth = 0;
  bool is_in_string = false;
  bool is_escaped = false;
  for (const char c : text) {
    if (!is_in_string && (c == '}' || c == ']') && depth > 0) --depth;
    if (depth < levels) out.push_back(c);
    if (!is_in_string && (c == '{' || c == '[')) ++depth;
    if (c == '"' && !is_escaped) is_in_string = !is_in_string;
    is_escaped = is_in_string && !is_escaped && c == '\\';
  }
  return out;
}

}  // namespace sandgate::proxy::registry::kubernetes

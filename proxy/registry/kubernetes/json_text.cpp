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

}  // namespace sandgate::proxy::registry::kubernetes

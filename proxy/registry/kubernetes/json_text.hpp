// json_text: what the API server sends, parsed within bounds: an object, or nothing.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sandgate::proxy::registry::kubernetes {

struct Parsed {
  boost::json::value value;  ///< An object, or null.
  bool is_too_deep = false;  ///< Nested deeper than 128 levels.
};
Parsed parse(std::string_view text, boost::json::storage_ptr storage);
/// Null when it is none.
boost::json::value parse_object(std::string_view text);
/// The text, with nothing in what is nested `levels` deep: however deep it goes on there, the rest can be parsed.
std::string shallow(std::string_view text, std::size_t levels);

}  // namespace sandgate::proxy::registry::kubernetes

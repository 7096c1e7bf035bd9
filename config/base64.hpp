// base64: RFC 4648 section 4, with its padding; line breaks are passed over, anything else is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandgate::config {

std::optional<std::string> decode_base64(std::string_view text);

}  // namespace sandgate::config

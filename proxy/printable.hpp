// printable: text of any bytes as ASCII that may stand in a JSON string or on a terminal.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace sandgate::proxy {

/// Every byte outside of visible ASCII and space becomes `?`.
inline std::string printable(std::string_view text) {
  std::string shown(text);
  std::ranges::replace_if(
      shown, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return shown;
}

}  // namespace sandgate::proxy

#include <config/problem.hpp>

#include <algorithm>

namespace sandgate::config {

std::string Problem::to_string() const {
  std::string out = file;
  if (line > 0) out.append(":").append(std::to_string(line));
  if (line > 0 && column > 0) out.append(":").append(std::to_string(column));
  if (!key.empty()) out.append(": ").append(key);
  return out.append(": ").append(text);
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 64;
  const bool is_cut = text.size() > kMost;
  if (is_cut) {
    // Not in the middle of a UTF-8 sequence: back to the byte that begins one.
    std::size_t end = kMost;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text = text.substr(0, end);
  }
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return is_cut ? out.append("...") : out;
}

std::string quoted(std::string_view text) { return "\"" + shown(text) + "\""; }

}  // namespace sandgate::config

#include <routing/ascii.hpp>
#include <routing/reserved_path.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace sandgate::routing {
namespace {

/// RFC 3986 2.1, once: what a decoded escape spells is not decoded again.
std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape =
        text[i] == '%' && text.size() - i > 2 && is_hex_digit(text[i + 1]) && is_hex_digit(text[i + 2]);
    if (!is_escape) {
      decoded.push_back(text[i]);
      continue;
    }
    std::uint8_t byte = 0;
    std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    decoded.push_back(static_cast<char>(byte));
    i += 2;
  }
  return decoded;
}

}  // namespace

std::string clean_path(std::string_view target) {
  const std::string path = percent_decode(target.substr(0, target.find('?')));
  std::string clean;
  clean.reserve(path.size() + 1);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = std::string_view(path).substr(begin, end - begin);
    if (segment == "..") {
      clean.resize(std::min(clean.rfind('/'), clean.size()));
    } else if (!segment.empty() && segment != ".") {
      clean.append("/").append(segment);
    }
    begin = end + 1;
  }
  return clean.empty() ? "/" : clean;
}

std::optional<std::string> find_reserved(std::string_view target, const std::vector<std::string>& reserved) {
  std::string path = clean_path(target);
  if (std::find(reserved.begin(), reserved.end(), path) == reserved.end()) return std::nullopt;
  return path;
}

}  // namespace sandgate::routing

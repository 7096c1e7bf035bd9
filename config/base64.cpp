#include <config/base64.hpp>

#include <cstdint>

namespace sandgate::config {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  constexpr unsigned kDigitBits = 6;
  constexpr unsigned kByteBits = 8;
  constexpr std::size_t kGroup = 4;
  std::string decoded;
  std::uint32_t bits = 0;
  unsigned count = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    ++digits;
    if (c == '=') {
      ++padding;
      continue;
    }
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos || padding > 0) return std::nullopt;
    bits = (bits << kDigitBits) | static_cast<std::uint32_t>(digit);
    count += kDigitBits;
    if (count < kByteBits) continue;
    count -= kByteBits;
    decoded.push_back(static_cast<char>((bits >> count) & 0xFFU));
  }
  if (digits % kGroup != 0 || padding > 2) return std::nullopt;
  return decoded;
}

}  // namespace sandgate::config

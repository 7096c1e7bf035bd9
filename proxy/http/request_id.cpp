#include <proxy/http/arena_text.hpp>
#include <proxy/http/rewrite.hpp>

#include <algorithm>
#include <array>

namespace sandgate::proxy::http {
namespace {

constexpr std::size_t kMaxBytes = 128;

bool is_sane(std::string_view id) {
  return !id.empty() && id.size() <= kMaxBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

void write_hex(std::uint64_t number, char* digits) {
  for (int shift = 60; shift >= 0; shift -= 4) *digits++ = "0123456789abcdef"[number >> shift & 0xf];
}

}  // namespace

std::string_view choose_request_id(const RequestHead& head, RandomBits random, std::pmr::memory_resource* memory) {
  constexpr std::string_view kName = "x-request-id";
  if (const Field* const given = head.fields.find(kName)) {
    if (is_sane(given->value) && head.fields.count(kName) == 1) return given->value;
  }
  std::array<char, 32> digits;
  write_hex(random.high, digits.data());
  write_hex(random.low, digits.data() + 16);
  return concat(memory, {{digits.data(), digits.size()}});
}

}  // namespace sandgate::proxy::http

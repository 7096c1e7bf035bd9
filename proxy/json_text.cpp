#include <proxy/json_text.hpp>

#include <boost/locale/utf.hpp>

#include <array>
#include <cstdint>

#ifdef __SSE2__
#include <bit>
#include <emmintrin.h>
#endif

namespace sandgate::proxy {
namespace {

constexpr std::array<bool, 256> make_plain_table() {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < 0x7f; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}
constexpr std::array<bool, 256> kIsPlain = make_plain_table();

/// How many bytes stand for themselves before the first that does not: sixteen at a time where the machine can.
std::size_t plain_prefix(std::string_view text) {
  std::size_t length = 0;
#ifdef __SSE2__
  const __m128i highest_control = _mm_set1_epi8(0x1f);
  const __m128i del = _mm_set1_epi8(0x7f);
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (; text.size() - length >= 16; length += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + length));
    const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, highest_control), bytes);
    const __m128i is_high = _mm_cmpeq_epi8(_mm_max_epu8(bytes, del), bytes);
    const __m128i is_syntax = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
    const int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_control, is_high), is_syntax));
    if (found != 0) return length + static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(found)));
  }
#endif
  while (length < text.size() && kIsPlain[static_cast<unsigned char>(text[length])]) ++length;
  return length;
}

/// One character that is not plain ASCII: how many bytes of the text it takes, and what is written for it.
class Escaped {
 public:
  explicit Escaped(std::string_view text) {
    namespace utf = boost::locale::utf;
    const char* cursor = text.data();
    const utf::code_point point = utf::utf_traits<char>::decode(cursor, text.data() + text.size());
    const bool is_valid = point != utf::illegal && point != utf::incomplete;
    taken_ = is_valid ? static_cast<std::size_t>(cursor - text.data()) : 1;
    if (is_valid && point >= 0xa0 && point != 0x2028 && point != 0x2029) {
      written_ = text.substr(0, taken_);
    } else {
      escape(is_valid ? point : static_cast<unsigned char>(text.front()));
    }
  }
  Escaped(const Escaped&) = delete;
  Escaped& operator=(const Escaped&) = delete;

  std::size_t taken() const { return taken_; }
  std::string_view written() const { return written_; }

 private:
  void escape(std::uint32_t unit) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    buffer_ = {
        '\\', 'u', kDigits[unit >> 12 & 0xf], kDigits[unit >> 8 & 0xf], kDigits[unit >> 4 & 0xf], kDigits[unit & 0xf]};
    written_ = {buffer_.data(), buffer_.size()};
  }

  std::size_t taken_ = 0;
  std::array<char, 6> buffer_{};
  std::string_view written_;
};

}  // namespace

bool is_plain_json(std::string_view text) { return plain_prefix(text) == text.size(); }

void append_json_string(std::string& out, std::string_view text, std::size_t limit) {
  out.push_back('"');
  std::size_t room = limit;
  while (!text.empty()) {
    const std::string_view plain = text.substr(0, std::min(plain_prefix(text.substr(0, room)), room));
    out.append(plain);
    room -= plain.size();
    text.remove_prefix(plain.size());
    if (text.empty()) break;
    const Escaped character(text);
    if (character.written().size() > room) break;
    out.append(character.written());
    room -= character.written().size();
    text.remove_prefix(character.taken());
  }
  out.push_back('"');
}

}  // namespace sandgate::proxy

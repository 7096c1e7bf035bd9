// h1_bytes: which bytes may stand where in HTTP/1, and how runs of them are skipped quickly.
//
// One table for every grammar rule, so that two readers of the same rule cannot disagree. Nothing here fails.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <bit>
#include <emmintrin.h>
#endif

namespace sandgate::proxy::http {

enum class ByteClass : std::uint8_t {
  token = 1,   ///< tchar (RFC 9110 5.6.2): methods, field names, chunk extension names.
  target = 2,  ///< 0x21-0x7e but `#`: request targets (contract 4).
  text = 4,    ///< HTAB, SP, VCHAR, obs-text (RFC 9110 5.5): field values, reason phrases.
  quoted = 8,  ///< qdtext (RFC 9110 5.6.4): text but `"` and backslash.
  space = 16,  ///< SP, HTAB: OWS and BWS.
};

constexpr std::array<std::uint8_t, 256> make_byte_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto mark = [&classes](std::size_t byte, ByteClass kind) {
    classes[byte] = static_cast<std::uint8_t>(classes[byte] | static_cast<std::uint8_t>(kind));
  };
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const bool is_space = byte == ' ' || byte == '\t';
    const bool is_visible = byte > 0x20 && byte < 0x7f;
    const bool is_text = is_space || is_visible || byte >= 0x80;
    if (is_space) mark(byte, ByteClass::space);
    if (is_text) mark(byte, ByteClass::text);
    if (is_text && byte != '"' && byte != '\\') mark(byte, ByteClass::quoted);
    if (is_visible && byte != '#') mark(byte, ByteClass::target);
    const bool is_alphanumeric =
        (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
    if (is_alphanumeric) mark(byte, ByteClass::token);
  }
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    mark(static_cast<unsigned char>(c), ByteClass::token);
  }
  return classes;
}

inline constexpr std::array<std::uint8_t, 256> kByteClasses = make_byte_classes();

constexpr bool is(ByteClass kind, char c) {
  return (kByteClasses[static_cast<unsigned char>(c)] & static_cast<std::uint8_t>(kind)) != 0;
}

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// The first byte from `at` that is not of the class, or `end`.
inline const char* skip(ByteClass kind, const char* at, const char* end) {
  while (at != end && is(kind, *at)) ++at;
  return at;
}

/// The first byte from `at` that is no text (a control but HTAB; DEL), or `end`: sixteen at a time where the machine
/// can.
inline const char* skip_text(const char* at, const char* end) {
#ifdef __SSE2__
  const __m128i highest_control = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, highest_control), bytes);
    const __m128i is_low = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), is_control);
    const int found = _mm_movemask_epi8(_mm_or_si128(is_low, _mm_cmpeq_epi8(bytes, del)));
    if (found != 0) return at + std::countr_zero(static_cast<unsigned>(found));
  }
#endif
  return skip(ByteClass::text, at, end);
}

}  // namespace sandgate::proxy::http

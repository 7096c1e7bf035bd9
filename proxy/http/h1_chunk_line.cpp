#include <proxy/http/h1_bytes.hpp>
#include <proxy/http/h1_chunk_line.hpp>

#include <limits>

namespace sandgate::proxy::http {
namespace {

/// 0 to 15, or 16 for a byte that is no HEXDIG.
constexpr std::uint8_t hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? static_cast<std::uint8_t>(lower - 'a' + 10) : 16;
}

}  // namespace

ChunkLine::State ChunkLine::take(char byte) {
  switch (stage_) {
    case Stage::size:
      return take_size(byte);
    case Stage::line_feed:
      return take_line_feed(byte);
    default:
      return take_extension(byte);
  }
}

ChunkLine::State ChunkLine::take_size(char byte) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (digits_ == 0) size_ = 0;
  const std::uint8_t digit = hex_value(byte);
  if (digit < 16) {
    if (digits_ == kMaxSizeDigits || size_ > kMax >> 4) return State::malformed;
    size_ = size_ << 4 | digit;
    ++digits_;
    return State::more;
  }
  if (digits_ == 0) return State::malformed;
  stage_ = after_item(byte, Stage::before_next);
  if (stage_ == Stage::size) return State::malformed;
  extension_ = stage_ == Stage::line_feed ? 0 : 1;
  return State::more;
}

ChunkLine::State ChunkLine::take_extension(char byte) {
  stage_ = after_extension_byte(byte);
  if (stage_ == Stage::size) return State::malformed;
  if (stage_ == Stage::line_feed) return State::more;
  ++extension_;
  const bool is_too_long = extension_ > kMaxExtension || body_extension_ + extension_ > kMaxExtensionPerBody;
  return is_too_long ? State::malformed : State::more;
}

ChunkLine::State ChunkLine::take_line_feed(char byte) {
  if (byte != '\n') return State::malformed;
  stage_ = Stage::size;
  digits_ = 0;
  body_extension_ += extension_;
  extension_ = 0;
  return State::complete;
}

ChunkLine::Stage ChunkLine::after_item(char byte, Stage after_space) {
  if (byte == '\r') return Stage::line_feed;
  if (byte == ';') return Stage::before_name;
  return is(ByteClass::space, byte) ? after_space : Stage::size;
}

ChunkLine::Stage ChunkLine::after_extension_byte(char byte) const {
  const bool is_space = is(ByteClass::space, byte);
  const bool is_token = is(ByteClass::token, byte);
  switch (stage_) {
    case Stage::before_next:
      return is_space ? stage_ : byte == ';' ? Stage::before_name : Stage::size;
    case Stage::before_name:
      return is_space ? stage_ : is_token ? Stage::name : Stage::size;
    case Stage::name:
      if (byte == '=') return Stage::before_value;
      return is_token ? stage_ : after_item(byte, Stage::after_name);
    case Stage::after_name:
      if (byte == '=') return Stage::before_value;
      return is_space ? stage_ : byte == ';' ? Stage::before_name : Stage::size;
    case Stage::before_value:
      if (byte == '"') return Stage::quoted;
      return is_space ? stage_ : is_token ? Stage::value : Stage::size;
    case Stage::value:
      return is_token ? stage_ : after_item(byte, Stage::before_next);
    case Stage::quoted:
      if (byte == '"') return Stage::after_quoted;
      if (byte == '\\') return Stage::escaped;
      return is(ByteClass::quoted, byte) ? stage_ : Stage::size;
    case Stage::escaped:
      return is(ByteClass::text, byte) ? Stage::quoted : Stage::size;
    case Stage::after_quoted:
      return after_item(byte, Stage::before_next);
    case Stage::size:
    case Stage::line_feed:
      break;
  }
  return Stage::size;
}

}  // namespace sandgate::proxy::http

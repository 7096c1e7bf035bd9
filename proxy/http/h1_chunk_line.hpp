// h1_chunk_line: the line before a chunk's data: its size and its extensions, read byte by byte (RFC 9112 7.1).
//
//   1-16 HEXDIG *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ) CRLF
//
// Extensions are held to their grammar, because two readers that skip them differently disagree about where the data
// begins; what they say is dropped. White space that no `;` or `=` follows is refused: it is not in the grammar.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sandgate::proxy::http {

class ChunkLine {
 public:
  static constexpr std::uint8_t kMaxSizeDigits = 16;
  static constexpr std::size_t kMaxExtension = 256;               ///< Bytes a line, from the first after the size.
  static constexpr std::size_t kMaxExtensionPerBody = 16 * 1024;  ///< RFC 9112 7.1.1 asks for a limit.

  enum class State : std::uint8_t { more, complete, malformed };

  /// Takes the next byte. After `complete` the size is known and the next byte begins another line.
  State take(char byte);
  /// Below 2^63. Valid from `complete` until the next line's first byte.
  std::uint64_t size() const { return size_; }

 private:
  //   size -+-> line_feed -> (complete)
  //         +-> before_next -> before_name -> name -> [after_name] -> before_value -> value | quoted <-> escaped
  //                  ^------------------------'----------'------------------------------'--------> after_quoted
  enum class Stage : std::uint8_t {
    size,
    before_next,  ///< White space was seen: `;` must follow.
    before_name,
    name,
    after_name,  ///< As before_next, but `=` may follow too.
    before_value,
    value,
    quoted,
    escaped,
    after_quoted,
    line_feed,
  };
  State take_size(char byte);
  State take_extension(char byte);
  State take_line_feed(char byte);
  /// The stage after a byte that may end a size, a name or a value; nothing begins a stage `size`, so it says "no".
  static Stage after_item(char byte, Stage after_space);
  Stage after_extension_byte(char byte) const;

  Stage stage_ = Stage::size;
  std::uint8_t digits_ = 0;
  std::uint64_t size_ = 0;
  std::size_t extension_ = 0;
  std::size_t body_extension_ = 0;
};

}  // namespace sandgate::proxy::http

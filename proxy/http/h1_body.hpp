// h1_body: an HTTP/1 body's framing, taken off incrementally: bytes in, content out (RFC 9112 7).
//
// Sans-I/O: the caller hands over what it has, the decoder says how many bytes it used and which of them are content.
// Content is a view into what was handed over; chunk lines, extensions and CRLFs are consumed and never seen again.
#pragma once

#include <proxy/http/head.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sandgate::proxy::http {

/// One step of decoding.
struct Decoded {
  enum class State : std::uint8_t { more, finished, malformed };
  State state = State::more;
  std::size_t used = 0;      ///< Bytes of the input that were consumed; the rest is handed over again.
  std::string_view content;  ///< May be empty. A view into the input.
};

class BodyDecoder {
 public:
  static constexpr std::size_t kMaxExtensionPerLine = 256;  ///< RFC 9112 7.1.1 asks for a limit.
  static constexpr std::size_t kMaxExtensionPerBody = 16 * 1024;
  static constexpr std::size_t kMaxTrailerBytes = 64 * 1024;
  static constexpr std::size_t kMaxTrailerFields = 128;

  BodyDecoder() = default;  ///< Of a message without a body: finished from the start.
  explicit BodyDecoder(BodyLength length);

  /// Consumes a prefix of `input` and gives at most one run of content. Call again with the rest until it used nothing
  /// and gave nothing (more input needed), or the state is not `more`.
  Decoded decode(std::string_view input);
  /// The connection ended. True when the body is complete then (`until_end`, or it was finished before).
  bool finish_at_end();

  bool is_finished() const { return stage_ == Stage::finished; }
  /// After `finished` on a chunked body: the trailer section, parsed with the rules of a head. Views into this decoder.
  const Fields& trailers() const { return trailers_; }
  /// Content bytes still to come when the length is known, else the largest value.
  std::uint64_t remaining() const { return remaining_; }

 private:
  // The chunked grammar, in the order it is read:
  //   size -> (extension) -> size_lf -> data -> data_cr -> data_lf -> size ... -> trailer -> finished
  enum class Stage : std::uint8_t {
    finished,
    length,
    until_end,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer,
    malformed
  };
  Stage stage_ = Stage::finished;
  std::uint64_t remaining_ = 0;
  std::uint8_t size_digits_ = 0;
  std::size_t line_extension_ = 0;
  std::size_t body_extension_ = 0;
  std::string trailer_block_;
  Fields trailers_;
};

}  // namespace sandgate::proxy::http

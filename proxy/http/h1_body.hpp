// h1_body: an HTTP/1 body's framing, taken off incrementally: bytes in, content out (RFC 9112 7).
//
// Sans-I/O: the caller hands over what it has, the decoder says how many bytes it used and which of them are content.
// Content is a view into what was handed over; chunk lines, extensions and CRLFs are consumed and never seen again.
#pragma once

#include <proxy/http/h1_chunk_line.hpp>
#include <proxy/http/head.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

namespace sandgate::proxy::http {

/// One step of decoding.
struct Decoded {
  enum class State : std::uint8_t { more, finished, malformed };
  State state = State::more;
  std::size_t used = 0;      ///< Bytes of the input that were consumed; the rest is handed over again.
  std::string_view content;  ///< May be empty. A view into the input.
};

/// What it decides does not depend on how the bytes are cut into inputs. `malformed` is for good.
class BodyDecoder {
 public:
  static constexpr std::size_t kMaxExtensionPerLine = ChunkLine::kMaxExtension;
  static constexpr std::size_t kMaxExtensionPerBody = ChunkLine::kMaxExtensionPerBody;
  static constexpr std::size_t kMaxTrailerBytes = 64 * 1024;  ///< Its blank line included.
  static constexpr std::size_t kMaxTrailerFields = 128;

  BodyDecoder() = default;  ///< Of a message without a body: finished from the start.
  explicit BodyDecoder(BodyLength length);
  BodyDecoder(BodyDecoder&&) = default;  ///< The views in `trailers` stay valid.
  BodyDecoder& operator=(BodyDecoder&&) = default;
  BodyDecoder(const BodyDecoder&) = delete;
  BodyDecoder& operator=(const BodyDecoder&) = delete;
  ~BodyDecoder() = default;

  /// Consumes a prefix of `input` and gives at most one run of content. Call again with the rest until it used nothing
  /// and gave nothing (more input needed), or the state is not `more`.
  Decoded decode(std::string_view input);
  /// The connection ended. True when the body is complete then (`until_end`, or it was finished before).
  bool finish_at_end();

  bool is_finished() const { return stage_ == Stage::finished; }
  /// After `finished` on a chunked body: the trailer section, parsed with the rules of a head. Views into this decoder.
  const Fields& trailers() const;
  /// Content bytes still to come when the length is known, else the largest value.
  std::uint64_t remaining() const {
    if (stage_ == Stage::finished) return 0;
    return stage_ == Stage::length ? left_ : std::numeric_limits<std::uint64_t>::max();
  }

 private:
  // Chunked, in the order it is read:
  //
  //   line -> data -> data_cr -> data_lf -> line ...
  //     | size 0
  //     +-> last_cr -> last_lf -> finished
  //            | any byte but CR     ^
  //            +-> trailers ---------+
  enum class Stage : std::uint8_t {
    finished,
    length,
    until_end,
    line,
    data,
    data_cr,
    data_lf,
    last_cr,
    last_lf,
    trailers,
    malformed
  };
  Decoded decode_known(std::string_view input);
  Decoded decode_chunked(std::string_view input);
  /// The stage after a byte of the framing around data.
  Stage after_framing_byte(char byte);
  Stage take_size_line_byte(char byte);
  /// Collects trailers up to their blank line; gives the bytes used.
  std::size_t collect_trailers(std::string_view input);
  bool parse_trailers();

  Stage stage_ = Stage::finished;
  std::uint64_t left_ = 0;  ///< Of the body in `length`, of the chunk in `data`.
  ChunkLine line_;
  struct Trailers;
  struct TrailersDeleter {
    void operator()(Trailers* trailers) const;
  };
  std::unique_ptr<Trailers, TrailersDeleter> trailers_;  ///< Few messages have any, and every connection a decoder.
};

}  // namespace sandgate::proxy::http

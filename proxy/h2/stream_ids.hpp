// stream_ids: which streams a client may still send HEADERS and DATA on (RFC 9113 5.1, 5.1.1).
//
//   never opened ── HEADERS ──▶ open ── END_STREAM, RST_STREAM of the client's own ──▶ ended
//        └── a higher one is opened ──▶ passed over
//
// What we sent makes no difference: frames may have been on their way when a stream was reset. A client that counts
// without gaps and ends what it began leaves nothing to be remembered but the streams that are open. Pure.
#pragma once

#include <proxy/h2/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace sandgate::proxy::h2 {

class StreamIds {
 public:
  /// HEADERS or DATA came, with END_STREAM or without: the connection error they are, if any.
  std::optional<ErrorCode> headers(std::uint32_t id, bool ends);
  std::optional<ErrorCode> data(std::uint32_t id, bool ends);
  /// RST_STREAM came.
  void reset(std::uint32_t id);

 private:
  // Beyond these a client is odd enough not to be judged by what is forgotten.
  static constexpr std::size_t kMostGaps = 64;
  static constexpr std::size_t kMostOpen = 1024;

  void open(std::uint32_t id);
  std::optional<ErrorCode> send_on(std::uint32_t id, bool ends);
  bool was_passed_over(std::uint32_t id) const;

  std::uint32_t highest_ = 0;
  std::uint32_t forgotten_ = 0;      ///< Of those up to here it is not known whether they ended.
  std::vector<std::uint32_t> open_;  ///< In order.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> gaps_;  ///< [first, second)
};

}  // namespace sandgate::proxy::h2

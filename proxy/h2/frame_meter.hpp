// frame_meter: how much trouble a peer makes with frames that carry nothing (hardening H2-RESET, H2-CONT, H2-FLOOD).
//
// It reads only the frame headers (nine bytes, and of padded DATA one more), before the codec sees the bytes, so what it counts does not depend on what
// a library calls a frame or an error. Each kind of frame that costs work and brings none has an allowance that refills
// with time; a peer that gets data from us is given more, because it answers that with WINDOW_UPDATE and PING, maybe long
// after a whole download is there. Streams that were reset, by either side, are charged by the codec.
//
// Pure: time is an argument. Once an allowance is used up, the connection is to be ended with ENHANCE_YOUR_CALM.
#pragma once

#include <proxy/base/allowance.hpp>
#include <proxy/base/deadline.hpp>
#include <proxy/h2/stream_ids.hpp>
#include <proxy/metrics.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sandgate::proxy::h2 {

class FrameMeter {
 public:
  /// `is_server`: the peer is a client, and begins with its preface (RFC 9113 3.4). `resets_per_minute`: how many streams
  /// may be reset for long; a hundred may be at once.
  FrameMeter(bool is_server, std::uint32_t resets_per_minute);

  /// Reads what came, up to the first frame that must not be. The allowance that is used up, if any.
  std::optional<LimitLabel> read(std::string_view bytes, TimePoint now);
  /// The connection error that a frame makes which the codec would overlook (RFC 9113 5.1, 5.1.1, 6.3).
  std::optional<ErrorCode> violation() const { return violation_; }
  /// A stream was reset by either side.
  std::optional<LimitLabel> reset(TimePoint now);
  /// DATA was sent to the peer.
  void sent_data();
  /// The first frame has come whole.
  bool has_begun() const { return frames_ > 1 || (frames_ == 1 && skip_ == 0); }
  /// A head has begun and not ended.
  bool is_in_head() const { return is_head_open_ || (is_head_ && skip_ > 0); }

 private:
  static constexpr std::size_t kHeaderBytes = 9;
  static constexpr std::size_t kPaddedHeaderBytes = 10;  ///< With the pad length (RFC 9113 6.1).
  static constexpr int kMaxContinuations = 8;

  bool is_padded_data() const;
  std::optional<ErrorCode> find_violation();
  std::optional<LimitLabel> judge(TimePoint now);
  std::optional<LimitLabel> judge_data(TimePoint now);
  std::optional<LimitLabel> charge(Allowance& allowance, LimitLabel label, TimePoint now);

  std::size_t skip_;  ///< Payload bytes, or bytes of the preface, that are still to come.
  std::array<std::uint8_t, kPaddedHeaderBytes> header_{};
  std::size_t header_size_ = 0;
  std::uint64_t frames_ = 0;
  bool is_server_;
  std::optional<ErrorCode> violation_;
  StreamIds ids_;
  int continuations_ = 0;
  bool is_head_ = false;       ///< The last frame is HEADERS or CONTINUATION,
  bool is_head_open_ = false;  ///< and others follow (no END_HEADERS).
  Allowance resets_;
  Allowance settings_{64, 4};
  Allowance pings_{500, 100};
  Allowance control_{2000, 200};
  Allowance empty_{1000, 33};
};

}  // namespace sandgate::proxy::h2

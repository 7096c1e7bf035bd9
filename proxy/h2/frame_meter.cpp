#include <proxy/h2/frame_meter.hpp>

#include <algorithm>

namespace sandgate::proxy::h2 {
namespace {

// RFC 9113 6
enum FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kResetStream = 3,
  kSettings = 4,
  kPing = 6,
  kContinuation = 9,
};
constexpr std::uint8_t kEndStream = 0x1;
constexpr std::uint8_t kAck = 0x1;
constexpr std::uint8_t kEndHeaders = 0x4;
constexpr std::uint8_t kPadded = 0x8;

constexpr std::size_t kPrefaceBytes = 24;
constexpr double kResetBurst = 100;
// What one DATA frame of ours may be answered with (Envoy allows ten WINDOW_UPDATEs; a peer that measures the path
// answers with a PING a round trip).
constexpr double kControlForData = 10;
constexpr double kPingsForData = 1;

}  // namespace

FrameMeter::FrameMeter(bool is_server, std::uint32_t resets_per_minute)
    : skip_(is_server ? kPrefaceBytes : 0), is_server_(is_server), resets_(kResetBurst, resets_per_minute / 60.0) {}

std::optional<LimitLabel> FrameMeter::read(std::string_view bytes, TimePoint now) {
  while (!bytes.empty()) {
    if (skip_ > 0) {
      const std::size_t skipped = std::min(skip_, bytes.size());
      skip_ -= skipped;
      bytes.remove_prefix(skipped);
      continue;
    }
    header_[header_size_++] = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (header_size_ < (is_padded_data() ? kPaddedHeaderBytes : kHeaderBytes)) continue;
    const std::size_t length =
        static_cast<std::size_t>(header_[0]) << 16 | static_cast<std::size_t>(header_[1]) << 8 | header_[2];
    skip_ = length - (header_size_ - kHeaderBytes);
    header_size_ = 0;
    violation_ = find_violation();
    if (violation_) return std::nullopt;
    if (const auto limit = judge(now)) return limit;
  }
  return std::nullopt;
}

std::optional<ErrorCode> FrameMeter::find_violation() {
  const std::uint32_t stream =
      (static_cast<std::uint32_t>(header_[5]) << 24 | static_cast<std::uint32_t>(header_[6]) << 16 |
       static_cast<std::uint32_t>(header_[7]) << 8 | header_[8]) &
      0x7fffffff;
  const std::uint8_t type = header_[3];
  const bool ends = (header_[4] & kEndStream) != 0;
  if (type == kPriority) return stream == 0 ? std::optional(ErrorCode::protocol_error) : std::nullopt;
  if (!is_server_) return std::nullopt;
  if (type == kHeaders) return ids_.headers(stream, ends);
  if (type == kData) return ids_.data(stream, ends);
  if (type == kResetStream) ids_.reset(stream);
  return std::nullopt;
}

/// As far as it has come: a header that is whole and has a pad length behind it.
bool FrameMeter::is_padded_data() const {
  const bool has_payload = header_[0] != 0 || header_[1] != 0 || header_[2] != 0;
  return header_size_ >= kHeaderBytes && header_[3] == kData && (header_[4] & kPadded) != 0 && has_payload;
}

/// `skip_` is what follows the header, padding included.
std::optional<LimitLabel> FrameMeter::judge_data(TimePoint now) {
  const std::uint8_t flags = header_[4];
  const std::size_t padding = (flags & kPadded) != 0 && skip_ > 0 ? header_[kHeaderBytes] : 0;
  if (skip_ > padding || (flags & kEndStream) != 0) return std::nullopt;
  return charge(empty_, LimitLabel::h2_empty_frames, now);
}

std::optional<LimitLabel> FrameMeter::judge(TimePoint now) {
  const std::uint8_t type = header_[3];
  const std::uint8_t flags = header_[4];
  ++frames_;
  continuations_ = type == kContinuation ? continuations_ + 1 : 0;
  is_head_ = type == kHeaders || type == kContinuation;
  is_head_open_ = is_head_ && (flags & kEndHeaders) == 0;
  switch (type) {
    case kData:
      return judge_data(now);
    case kContinuation:
      return continuations_ > kMaxContinuations ? std::optional(LimitLabel::h2_continuations) : std::nullopt;
    case kHeaders:
      return std::nullopt;
    case kResetStream:
      return reset(now);
    case kSettings:
      return (flags & kAck) != 0 ? std::nullopt : charge(settings_, LimitLabel::h2_settings, now);
    case kPing:
      return charge(pings_, LimitLabel::h2_pings, now);
    default:
      return charge(control_, LimitLabel::h2_control_frames, now);
  }
}

std::optional<LimitLabel> FrameMeter::reset(TimePoint now) { return charge(resets_, LimitLabel::h2_resets, now); }

void FrameMeter::sent_data() {
  control_.give(kControlForData);
  pings_.give(kPingsForData);
}

std::optional<LimitLabel> FrameMeter::charge(Allowance& allowance, LimitLabel label, TimePoint now) {
  return allowance.take(now) ? std::nullopt : std::optional(label);
}

}  // namespace sandgate::proxy::h2

// crumbs: which streams must wait for more credit, so that DATA does not go out in crumbs.
//
// A peer that gives back credit for each frame it takes, and is sent a frame for each credit, is sent ever smaller ones:
// the silly window syndrome, and its cure is the sender's of TCP (RFC 1122 4.2.3.4). What would be cut short by the
// window is sent when it is worth a frame, or half of the window. One crumb is sent at once, for a peer that waits for
// the last byte of its window; after it, and until credit comes in plenty again, the stream is held while it has less, or
// until it has waited long enough (`release`). Pure; it knows few streams at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sandgate::proxy::h2 {

class Crumbs {
 public:
  static constexpr std::size_t kWorthAFrame = 4096;  ///< Bytes.
  static constexpr std::size_t kFullFrame = 16'384;

  /// The stream has `waiting` bytes to send, of them credit for `credit`, and a window that began with `window`. False:
  /// it is held.
  bool lets_send(std::int32_t stream, std::size_t credit, std::size_t waiting, std::size_t window) {
    const std::size_t plenty = std::min(waiting, window / 2);
    if (credit >= std::min(plenty, kFullFrame)) forget(stream);
    if (credit >= std::min(plenty, kWorthAFrame)) return true;
    const auto known = find(stream);
    if (known == crumbled_.end()) {
      crumbled_.push_back({stream, false});
      return true;
    }
    known->is_held = true;
    return false;
  }

  bool holds_any() const {
    return std::any_of(crumbled_.begin(), crumbled_.end(), [](const Crumbled& one) { return one.is_held; });
  }
  /// Credit came: those that are to be asked again.
  std::vector<std::int32_t> take_held() {
    std::vector<std::int32_t> held;
    for (Crumbled& one : crumbled_) {
      if (one.is_held) held.push_back(one.stream);
      one.is_held = false;
    }
    return held;
  }
  /// None came for long: those that may send what they can.
  std::vector<std::int32_t> release() {
    std::vector<std::int32_t> held = take_held();
    for (const std::int32_t stream : held) forget(stream);
    return held;
  }
  void forget(std::int32_t stream) {
    const auto known = find(stream);
    if (known != crumbled_.end()) crumbled_.erase(known);
  }

 private:
  struct Crumbled {
    std::int32_t stream;
    bool is_held;
  };

  std::vector<Crumbled>::iterator find(std::int32_t stream) {
    return std::find_if(crumbled_.begin(), crumbled_.end(), [&](const Crumbled& one) { return one.stream == stream; });
  }

  std::vector<Crumbled> crumbled_;  ///< Streams that were sent a crumb since they had credit in plenty.
};

}  // namespace sandgate::proxy::h2

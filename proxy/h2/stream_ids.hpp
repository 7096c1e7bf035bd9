// stream_ids: which of its stream ids a client has passed over (RFC 9113 5.1.1).
//
// Opening a stream closes every lower one that was never opened; one of those must not come later. Nearly every client
// counts without gaps, and then nothing is remembered. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sandgate::proxy::h2 {

class StreamIds {
 public:
  /// A client's HEADERS for `id`. False: it was passed over. Beyond kMostGaps gaps of a client that counts oddly are not
  /// remembered; the codec then ignores such a stream.
  bool use(std::uint32_t id) {
    if (id > highest_) {
      if (id > highest_ + 2 && gaps_.size() < kMostGaps) gaps_.emplace_back(highest_ + 1, id);
      highest_ = id;
      return true;
    }
    return std::none_of(gaps_.begin(), gaps_.end(),
                        [id](const auto& gap) { return id >= gap.first && id < gap.second; });
  }

 private:
  static constexpr std::size_t kMostGaps = 64;
  std::uint32_t highest_ = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> gaps_;  ///< [first, second)
};

}  // namespace sandgate::proxy::h2

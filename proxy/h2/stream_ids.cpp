#include <proxy/h2/stream_ids.hpp>

#include <algorithm>

namespace sandgate::proxy::h2 {

std::optional<ErrorCode> StreamIds::headers(std::uint32_t id, bool ends) {
  if (id > highest_) open(id);
  return send_on(id, ends);
}

std::optional<ErrorCode> StreamIds::data(std::uint32_t id, bool ends) {
  if (id > highest_) return std::nullopt;  // An idle stream's; the codec knows.
  return send_on(id, ends);
}

void StreamIds::reset(std::uint32_t id) {
  const auto at = std::lower_bound(open_.begin(), open_.end(), id);
  if (at != open_.end() && *at == id) open_.erase(at);
}

void StreamIds::open(std::uint32_t id) {
  if (id > highest_ + 2 && gaps_.size() < kMostGaps) gaps_.emplace_back(highest_ + 1, id);
  highest_ = id;
  if (open_.size() == kMostOpen) {
    forgotten_ = open_.front();
    open_.erase(open_.begin());
  }
  open_.push_back(id);
}

std::optional<ErrorCode> StreamIds::send_on(std::uint32_t id, bool ends) {
  const auto at = std::lower_bound(open_.begin(), open_.end(), id);
  if (at != open_.end() && *at == id) {
    if (ends) open_.erase(at);
    return std::nullopt;
  }
  if (was_passed_over(id)) return ErrorCode::protocol_error;
  return id > forgotten_ && gaps_.size() < kMostGaps ? std::optional(ErrorCode::stream_closed) : std::nullopt;
}

bool StreamIds::was_passed_over(std::uint32_t id) const {
  return std::any_of(gaps_.begin(), gaps_.end(), [id](const auto& gap) { return id >= gap.first && id < gap.second; });
}

}  // namespace sandgate::proxy::h2

#include <proxy/h2/stream.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::proxy::h2 {

// --- ReceivedBytes --------------------------------------------------------------------------------------------------

void ReceivedBytes::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (first_ == blocks_.size() || blocks_.back().room_size() == 0) blocks_.push_back(buffers_.lease());
    const std::size_t fits = std::min(bytes.size(), blocks_.back().room_size());
    blocks_.back().append(bytes.substr(0, fits));
    size_ += fits;
    bytes.remove_prefix(fits);
  }
}

void ReceivedBytes::drop(std::size_t size) {
  size_ -= size;
  blocks_[first_].consume(size);
  if (!blocks_[first_].empty()) return;
  blocks_[first_++] = Buffer();
  if (2 * first_ < blocks_.size()) return;
  // A reader that is always behind never empties it: what is done with must go all the same.
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

// --- Stream ---------------------------------------------------------------------------------------------------------

Stream::Stream(Connection& connection, const Setting& setting, std::pmr::memory_resource* memory)
    : trailers_(memory),
      connection_(connection),
      setting_(setting),
      memory_(memory),
      received_(connection.buffers()),
      window_(connection.codec().make_stream_window()),
      readable_(connection.loop()),
      taken_(connection.loop()) {}

Stream::~Stream() {
  if (!is_open()) return;
  Codec& codec = connection_.codec();
  codec.discard_unread(received_.size());
  codec.forget(id_);
}

void Stream::field(std::string_view name, std::string_view value) {
  if (!has_head_) return take_field(name, value);
  const bool fits = setting_.trailers.add(name, value);
  if (!fits || !http::take_h2_trailer(name, value, memory_, trailers_)) reset(ErrorCode::protocol_error);
}

void Stream::head_ended(bool is_last) {
  if (!has_head_) has_head_ = take_head_end(is_last);
  if (is_last) data_ended();
}

void Stream::data(std::string_view bytes) {
  received_.append(bytes);
  readable_.set();
}

void Stream::data_ended() {
  is_end_ = true;
  readable_.set();
  take_end();
}

void Stream::closed(ErrorCode why) {
  if (over_) return;
  over_ = why;
  readable_.set();
  taken_.set();
  if (!is_end_ || !is_sent_) broken(why);
}

void Stream::sent(std::size_t bytes) {
  outgoing_.bytes.remove_prefix(bytes);
  if (outgoing_.bytes.empty()) {
    is_sent_ = is_sent_ || outgoing_.is_last;
    outgoing_ = {};
  }
  taken_.set();
}

void Stream::reset(ErrorCode why) {
  if (over_) return;
  connection_.codec().reset(id_, why);
  closed(why);
}

void Stream::cancel_read() {
  is_read_cancelled_ = is_reading_;
  readable_.set();
}

/// The part that was read last has been passed on.
void Stream::pass_on() {
  if (reading_ == 0) return;
  const std::size_t passed = std::exchange(reading_, 0);
  received_.drop(passed);
  connection_.codec().consume(id_, window_, passed, received_.empty(), connection_.loop().now());
  connection_.flush();
}

Part Stream::next_part() {
  is_touched_ = true;
  Part part;
  if (!received_.empty()) part.bytes = received_.front();
  reading_ = part.bytes.size();
  part.is_last = is_end_ && reading_ == received_.size();
  if (part.is_last && !trailers_.empty()) part.trailers = &trailers_;
  return part;
}

Task<Result<Part>> Stream::read() {
  pass_on();
  for (;;) {
    if (over_ && !is_end_) co_return setting_.closed;
    if (!received_.empty() || is_end_) co_return next_part();
    is_reading_ = true;
    const bool was_told = co_await readable_.wait(read_deadline());
    is_reading_ = false;
    if (std::exchange(is_read_cancelled_, false)) co_return setting_.closed;
    const std::optional<Failure> expired = was_told ? std::nullopt : read_expired();
    if (expired) co_return *expired;
  }
}

Task<Result<void>> Stream::write(Part part) {
  if (part.bytes.empty() && !part.is_last) co_return Result<void>{};
  if (is_sent_) co_return Result<void>{};  // Its end went with the head.
  if (over_) co_return setting_.closed;
  outgoing_ = {part.bytes, part.trailers, part.is_last, true};
  connection_.codec().resume(id_);
  connection_.flush();
  while (outgoing_.is_waiting) {
    const bool has_moved = co_await taken_.wait(after(connection_.loop().now(), setting_.write_stall));
    if (!outgoing_.is_waiting || (has_moved && !over_)) continue;
    outgoing_ = {};
    co_return over_ ? setting_.closed : setting_.stalled;
  }
  co_return Result<void>{};
}

}  // namespace sandgate::proxy::h2

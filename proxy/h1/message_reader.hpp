// message_reader: one direction of an HTTP/1 connection, read: a head, its body, the next head.
//
// Blocks are leased only while they hold bytes: a connection that waits for its next request holds none. The block a
// head was read into is not moved while the message lasts, so views of the head hold until the next `read_head`. What
// was received beyond a message (pipelining) stays for the next head.
#pragma once

#include <proxy/base/body.hpp>
#include <proxy/base/buffer_pool.hpp>
#include <proxy/http/h1_body.hpp>
#include <proxy/net/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sandgate::proxy::h1 {

enum class HeadStatus : std::uint8_t {
  complete,
  closed,     ///< The connection ended before any byte of it.
  truncated,  ///< It ended within the head.
  malformed,  ///< A byte no head may hold.
  too_large,  ///< The limit was reached before the blank line.
  timed_out,
  broken,  ///< Reset, or cancelled from our side.
};

struct HeadBlock {
  HeadStatus status;
  std::string_view bytes;  ///< When complete: the head, blank line included. Else what has come of it.
};

enum class BodyStatus : std::uint8_t { part, malformed, truncated, timed_out, broken };

struct BodyRead {
  BodyStatus status;
  Part part;  ///< When `part`.
};

class MessageReader {
 public:
  MessageReader(net::Transport& transport, BufferPool& buffers) : transport_(transport), buffers_(buffers) {}

  /// Bytes of the next message are here already.
  bool has_leftover() const { return !head_.empty() || !body_.empty(); }
  /// `start` is what every head of this kind begins with: another byte is malformed at once, so that a service which
  /// speaks no HTTP and then waits is not waited for. Empty: nothing is known.
  Task<HeadBlock> read_head(std::size_t max_bytes, TimePoint deadline, std::string_view start = {});
  /// Between two messages: gives back every block but one that holds bytes of the next.
  void rest();

  void begin_body(http::BodyLength length) { decoder_ = http::BodyDecoder(length); }
  bool is_body_finished() const { return decoder_.is_finished(); }
  /// Some of the body has been handed to a reader.
  bool is_body_touched() const { return is_body_touched_; }
  /// `read_body` would not wait.
  bool is_body_ready() const { return decoder_.is_finished() || has_leftover() || transport_.is_readable(); }
  /// The next part; not called again after the last one.
  Task<BodyRead> read_body(TimePoint deadline);

 private:
  /// While a body flows without a pause it is taken in large blocks; from a slow side, or to one, in small ones.
  std::size_t next_block() const;
  void start_head();
  void make_room(std::size_t max_bytes);
  Buffer& input() { return head_.empty() ? body_ : head_; }

  net::Transport& transport_;
  BufferPool& buffers_;
  Buffer head_;  ///< The current message's head, then the first bytes of its body.
  Buffer body_;  ///< What came after those; leased while it holds something.
  http::BodyDecoder decoder_;
  TimePoint full_until_{};  ///< The last block was filled; as long as this is ahead, the next may be large.
  bool is_body_touched_ = false;
};

}  // namespace sandgate::proxy::h1

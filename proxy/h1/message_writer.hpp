// message_writer: one direction of an HTTP/1 connection, written: a head, then its body in the framing it said.
//
// A head may be held back to leave in one packet with the first bytes of its body. Nothing else is ever buffered: a
// write is done when the kernel has the bytes.
#pragma once

#include <proxy/base/body.hpp>
#include <proxy/base/buffer_pool.hpp>
#include <proxy/exchange.hpp>
#include <proxy/net/transport.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace sandgate::proxy::h1 {

/// Text that grows: a leased block, replaced by a larger one when a head needs it.
class HeadText {
 public:
  explicit HeadText(BufferPool& buffers) : buffers_(buffers) {}
  void append(std::string_view text) {
    if (block_.room_size() < text.size()) make_room(text.size());
    block_.append(text);
  }
  std::string_view view() const { return block_.data(); }
  bool empty() const { return block_.empty(); }
  void clear() { block_ = Buffer(); }

 private:
  void make_room(std::size_t size);
  BufferPool& buffers_;
  Buffer block_;
};

/// What this side's failures are called.
struct WriteFailures {
  Failure closed;
  Failure stalled;
};

class MessageWriter final : public BodySink {
 public:
  MessageWriter(net::Transport& transport, BufferPool& buffers, WriteFailures failures, std::chrono::milliseconds stall)
      : transport_(transport), buffers_(buffers), failures_(failures), stall_(stall), text_(buffers) {}

  /// Where a head is written; what is in it leaves with the next flush or part.
  HeadText& text() { return text_; }
  Task<Result<void>> flush();

  /// The body that follows. One of no bytes is finished at once.
  void begin_body(http::BodyLength length);
  /// Raw bytes from now on; the last part ends our side of the connection.
  void begin_tunnel();

  Task<Result<void>> write(Part part) override;
  /// Head and body are complete and in the kernel's hands.
  bool is_finished() const { return is_finished_ && text_.empty(); }

 private:
  using Pieces = std::array<std::string_view, net::Transport::kMaxPieces>;

  Task<Result<void>> send(Pieces pieces);
  /// False when the part does not fit the length that was announced.
  bool account(const Part& part);

  net::Transport& transport_;
  BufferPool& buffers_;
  WriteFailures failures_;
  std::chrono::milliseconds stall_;
  HeadText text_;
  http::BodyLength length_;
  std::uint64_t written_ = 0;
  bool is_tunnel_ = false;
  bool is_finished_ = false;
};

}  // namespace sandgate::proxy::h1

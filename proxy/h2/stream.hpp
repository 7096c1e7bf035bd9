// stream: one HTTP/2 stream as a source and a sink: what the client's side and the sandbox's side have in common.
//
//   codec ── data ──▶ received, in leased blocks ── read ──▶ whoever relays
//   codec ◀── outgoing ── the one part that is being written ◀── write ──
//
// A part that was read counts as passed on when the next is asked for, and only then its credit goes back to the peer:
// what a stream holds is bounded by its window. A write is done when its bytes are in the connection's block, so it
// waits for the peer's credit; one that gets none for `write_stall` fails.
//
// Fails with the names it is given.
#pragma once

#include <proxy/base/body.hpp>
#include <proxy/base/buffer_pool.hpp>
#include <proxy/base/signal.hpp>
#include <proxy/h2/connection.hpp>
#include <proxy/http/h2_head.hpp>

#include <chrono>
#include <cstddef>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

namespace sandgate::proxy::h2 {

/// Bytes that wait for a reader, in blocks; how they came, in few or many pieces, makes no difference to their number.
class ReceivedBytes {
 public:
  explicit ReceivedBytes(BufferPool& buffers) : buffers_(buffers) {}

  void append(std::string_view bytes);
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  /// What the first block holds.
  std::string_view front() const { return blocks_[first_].data(); }
  /// Its first `size` bytes are done with.
  void drop(std::size_t size);

 private:
  BufferPool& buffers_;
  std::vector<Buffer> blocks_;
  std::size_t first_ = 0;  ///< Those before it are done with.
  std::size_t size_ = 0;
};

class Stream : public StreamHandler, public BodySource, public BodySink {
 public:
  struct Setting {
    Failure closed;   ///< The stream, or its connection, is over before the message was.
    Failure stalled;  ///< No credit came.
    std::chrono::milliseconds write_stall;
    http::H2HeadSize trailers;  ///< What a trailer section may hold.
  };
  Stream(Connection& connection, const Setting& setting, std::pmr::memory_resource* memory);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // BodySource and BodySink
  Task<Result<Part>> read() override;
  bool is_ready() const override { return !received_.empty() || is_end_ || is_over(); }
  Task<Result<void>> write(Part part) override;

 protected:
  ~Stream();

  // StreamHandler
  void field(std::string_view name, std::string_view value) final;
  void head_ended(bool is_last) final;
  void data(std::string_view bytes) final;
  void data_ended() final;
  void closed(ErrorCode why) final;
  Outgoing outgoing() const final { return outgoing_; }
  void sent(std::size_t bytes) final;

  // What the two sides make of it.
  virtual void take_field(std::string_view name, std::string_view value) = 0;
  /// False: what follows is not a body yet (an interim response).
  virtual bool take_head_end(bool is_last) = 0;
  /// The message is whole.
  virtual void take_end() {}
  /// The stream was closed before the message was whole, in one direction or both.
  virtual void broken(ErrorCode /*why*/) {}
  /// How long `read` may wait.
  virtual TimePoint read_deadline() const { return kNever; }
  /// `read` waited for so long: its failure, or to wait again.
  virtual std::optional<Failure> read_expired() { return std::nullopt; }

  Connection& connection() const { return connection_; }
  void open(StreamId id) { id_ = id; }
  bool is_open() const { return id_ != 0; }
  StreamId id() const { return id_; }
  bool is_over() const { return over_.has_value(); }
  /// It was ended because the message made no sense.
  bool is_malformed() const { return over_ == ErrorCode::protocol_error; }
  bool is_received() const { return is_end_; }  ///< The peer's message is whole.
  bool is_sent() const { return is_sent_; }     ///< Ours is, as far as the codec knows.
  bool is_touched() const { return is_touched_; }
  void sends_nothing_more() { is_sent_ = true; }
  /// A read that waits ends.
  void cancel_read();
  void reset(ErrorCode why);

  http::Fields trailers_;

 private:
  void pass_on();
  Part next_part();

  Connection& connection_;
  Setting setting_;
  std::pmr::memory_resource* memory_;
  StreamId id_ = 0;
  ReceivedBytes received_;
  Window window_;
  std::size_t reading_ = 0;  ///< Bytes of the part that is being read.
  Outgoing outgoing_;
  Signal readable_;
  Signal taken_;
  std::optional<ErrorCode> over_;
  bool has_head_ = false;
  bool is_end_ = false;
  bool is_sent_ = false;
  bool is_touched_ = false;
  bool is_reading_ = false;
  bool is_read_cancelled_ = false;
};

}  // namespace sandgate::proxy::h2

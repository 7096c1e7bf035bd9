// connection: an HTTP/2 connection on a transport: what moves bytes between the socket and the codec, for both sides.
//
//     transport ── read ──▶ codec ── events ──▶ streams          one coroutine reads,
//     transport ◀── block ── codec ◀── calls ─── streams         one writes what the codec made
//
// Streams put their frames into one block at once; the writer sends it while the next fills. So what is buffered is two
// blocks however many streams there are, and what several of them say in one round of the loop leaves together. While
// more answers wait than the peer takes, nothing more is read; a peer that takes none for `write_stall` is gone.
#pragma once

#include <proxy/base/buffer_pool.hpp>
#include <proxy/base/calling.hpp>
#include <proxy/base/fork.hpp>
#include <proxy/base/signal.hpp>
#include <proxy/base/task.hpp>
#include <proxy/h2/codec.hpp>
#include <proxy/net/transport.hpp>

#include <chrono>
#include <cstddef>

namespace sandgate::proxy::h2 {

class Connection {
 public:
  class Owner : public CodecHandler {
   public:
    /// Input was taken in; what it opened may be started now.
    virtual void received() = 0;
    /// Nothing comes any more, and nothing that is sent arrives for sure: every stream is to be told. protocol_error
    /// when it was the peer's doing.
    virtual void lost(ErrorCode why) = 0;

   protected:
    ~Owner() = default;
  };

  Connection(net::Transport& transport, BufferPool& buffers, const Codec::Setting& setting, Owner& owner,
             std::chrono::milliseconds write_stall);

  Codec& codec() { return codec_; }
  const Codec& codec() const { return codec_; }
  Loop& loop() const { return transport_.loop(); }
  BufferPool& buffers() const { return buffers_; }

  /// Reads and writes until the connection is over; what was still to be sent (a GOAWAY) is. Once it runs it does not
  /// throw: without memory the connection is aborted.
  Task<void> run();
  /// The codec has something to say. Never waits.
  void flush() noexcept;
  void abort() { transport_.abort(); }

 private:
  // How long a stream waits for more credit than is worth a frame (the override of RFC 1122 4.2.3.4).
  static constexpr std::chrono::milliseconds kCreditPatience{200};
  // After so much in a row from one peer the others have their turn (hardening O-FAIR).
  static constexpr std::size_t kFairShare = 64 * 1024;

  Companion read_all();
  Companion write_all();
  Task<void> read_until_over();
  Task<void> write_until_over();
  Task<bool> read_once();
  void fill();
  void lose_patience();
  bool start();

  net::Transport& transport_;
  BufferPool& buffers_;
  Owner& owner_;
  std::chrono::milliseconds write_stall_;
  Codec codec_;
  Buffer block_;                                            ///< Frames that are to be sent next.
  Signal output_;                                           ///< There is something in it, or reading is over.
  Signal drained_;                                          ///< A block was sent.
  Signal done_;                                             ///< One of the two coroutines ended.
  CallOnTime<&Connection::lose_patience> patience_{*this};  ///< Credit for a held stream did not come.
  std::size_t share_ = 0;
  bool is_reading_over_ = false;
  bool is_writing_over_ = false;
  Companion reader_;
  Companion writer_;
};

}  // namespace sandgate::proxy::h2

// transport: one connected socket, plain or TLS, as reads and writes a coroutine can wait for.
//
// One reader and one writer at a time. TLS drives `SSL*` on the socket itself through a BIO that asks the kernel only
// when an event said there is something (tls_bio): no second buffer, no speculative reads, 0 bytes of ours per idle TLS
// connection beyond OpenSSL's object.
//
// Every wait has a deadline. `abort` is the one way to cancel: it closes the socket (with a reset, so that the peer
// sees that something was cut off) and wakes both sides.
#pragma once

#include <proxy/base/buffer_pool.hpp>
#include <proxy/base/loop.hpp>
#include <proxy/base/task.hpp>

#include <openssl/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace sandgate::proxy::net {

struct SslDeleter {
  void operator()(SSL* ssl) const;
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

enum class Io : std::uint8_t {
  ok,
  end,        ///< The peer finished its side: FIN, or close_notify.
  broken,     ///< Reset, or TLS that makes no sense.
  timed_out,  ///< The deadline of this call passed.
  cancelled,  ///< `cancel_read`, or `abort` was called.
};

struct IoSize {
  Io status = Io::ok;
  std::size_t size = 0;  ///< Not 0 when ok.
};

class Transport final : private EventSource {
 private:
  class Direction;

 public:
  class Readable;

  /// The socket is connected (or connecting: see `connected`) and non-blocking. Throws std::system_error.
  Transport(Loop& loop, BufferPool& buffers, UniqueFd socket);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// A non-blocking connect to a service was begun: waits for its outcome. `ok`, `broken` (then `connect_error` says
  /// errno), `timed_out` or `cancelled`.
  Task<Io> connected(TimePoint deadline);
  int connect_error() const { return connect_error_; }

  /// Becomes TLS. The whole handshake must be done by `deadline`.
  Task<Io> handshake(SslPtr ssl, TimePoint deadline);
  SSL* ssl() const { return ssl_.get(); }

  Task<IoSize> read(char* into, std::size_t size, TimePoint deadline);
  /// Copies what is waiting on a plain socket without taking it, once that is more than `known` bytes. For what comes
  /// before TLS; `skip` then takes exactly what was understood.
  Task<IoSize> peek(char* into, std::size_t size, std::size_t known, TimePoint deadline);
  void skip(std::size_t size);
  /// co_await wait_readable(deadline): until a read would give something (data or the end); takes nothing. No coroutine
  /// of its own: every idle connection is in one.
  Readable wait_readable(TimePoint deadline);
  /// A read would not wait, as far as is known without asking the kernel.
  bool is_readable() const;

  static constexpr std::size_t kMaxPieces = 3;  ///< head, part and framing

  /// All of it, in one record or packet where it fits, at the end of this round of the loop or, in a short one, at once.
  /// Fails when `stall` passes without any progress. The pieces, kMaxPieces at most, are the caller's until it is done.
  Task<Io> write(std::span<const std::string_view> pieces, std::chrono::milliseconds stall);
  Task<Io> write(std::string_view bytes, std::chrono::milliseconds stall);
  /// Ends this side of the connection (close_notify, FIN); the peer may go on.
  void finish_writing();

  void cancel_read();  ///< A pending read ends as cancelled; later ones are unaffected.
  void abort();        ///< Everything ends as cancelled, now and later.
  bool is_aborted() const { return !socket_; }

  /// The peer is gone: reset, or for TLS also its FIN (a TLS client that goes on reading sends close_notify, not FIN).
  bool is_gone() const { return is_broken_ || (ssl_ && peer_finished_); }
  /// Scheduled once when the peer is gone; null = nobody wants to know.
  void on_gone(Runnable* runnable);
  /// Scheduled once when there is anything to read; for connections that should be silent.
  void on_readable(Runnable* runnable);

  int socket() const { return socket_.number(); }
  Loop& loop() const { return loop_; }

 private:
  friend class SocketBio;

  // An initial handshake has about ten; a KeyUpdate and its answer are two.
  static constexpr std::uint16_t kMostControlMessages = 100;
  static constexpr std::uint8_t kWaitsPerTurn = 16;

  /// One direction's readiness, and the coroutine that waits for it. OpenSSL can make the reader wait until it may
  /// write (a KeyUpdate asks for an answer while the socket is full), where the writer waits already: whoever comes
  /// second is told that the connection is broken.
  class Direction final : public Deadline {
   public:
    explicit Direction(Loop& loop) : Deadline(&expired), loop_(loop) {}
    bool is_ready = false;
    void wake(Io why);

    struct Awaiter {
      Direction& direction;
      TimePoint deadline;
      bool is_taken;  ///< By another coroutine.
      bool await_ready() const { return direction.is_ready || is_taken; }
      void await_suspend(std::coroutine_handle<> handle);
      Io await_resume();
    };
    Awaiter wait(TimePoint deadline) { return Awaiter{*this, deadline, !is_ready && waiter_.handle}; }

   private:
    static void expired(Deadline& self) { static_cast<Direction&>(self).wake(Io::timed_out); }
    Io why_ = Io::ok;
    Loop& loop_;
    Waiter waiter_;
  };

  void note(std::uint32_t epoll_events) override;
  /// TLS messages without data: after a while of nothing else the peer is cut off (hardening T-RENEG).
  void note_control_message() {
    if (++control_messages_ > kMostControlMessages) abort();
  }

  // What the kernel is asked; a short count says that there is no more for now.
  enum class Attempt : std::uint8_t { done, would_block, end, failed };
  struct Attempted {
    Attempt outcome;
    std::size_t size;
  };
  Attempted receive(char* into, std::size_t size);
  Attempted send(std::span<const std::string_view> pieces);
  /// What OpenSSL writes: to the kernel, or behind what is sealed already.
  Attempted send_sealed(std::string_view bytes);
  class Sealing;

  Attempted try_read(char* into, std::size_t size, Direction*& blocked_on);
  Attempted try_read_record(char* into, std::size_t size, Direction*& blocked_on);
  Attempted try_write_tls(std::string_view bytes);
  Task<Io> write_plain(std::span<const std::string_view> pieces, std::chrono::milliseconds stall);
  Task<Io> write_record(std::span<const std::string_view> pieces, std::chrono::milliseconds stall);
  Task<Io> write_records(std::span<const std::string_view> pieces, std::chrono::milliseconds stall);

  Loop& loop_;
  BufferPool& buffers_;
  UniqueFd socket_;
  SslPtr ssl_;
  Direction reading_;
  Direction writing_;
  Buffer* sealed_ = nullptr;  ///< Records that leave together, while `write_records` makes and sends them.
  Runnable* on_gone_ = nullptr;
  Runnable* on_readable_ = nullptr;
  int connect_error_ = 0;
  std::uint16_t control_messages_ = 0;  ///< Since the last data.
  std::uint8_t turn_ = 0;               ///< Waits that ended at once.
  Toward toward_ = Toward::client;      ///< A service, once it was `connected`.
  bool peer_finished_ = false;
  bool is_broken_ = false;
  bool is_established_ = true;
};

/// Gives an Io. A peer that always has something more lets the others have their turn now and then, however little it
/// sends at a time (hardening O-FAIR).
class Transport::Readable final {
 public:
  bool await_ready() const {
    if (!transport_.socket_ || wait_.is_taken) return true;
    return transport_.is_readable() && ++transport_.turn_ % kWaitsPerTurn != 0;
  }
  void await_suspend(std::coroutine_handle<> handle) {
    wait_.await_suspend(handle);
    if (transport_.is_readable()) transport_.reading_.wake(Io::ok);
  }
  Io await_resume() { return transport_.socket_ ? wait_.await_resume() : Io::cancelled; }

 private:
  friend class Transport;
  Readable(Transport& transport, TimePoint deadline)
      : transport_(transport), wait_(transport.reading_.wait(deadline)) {}
  Transport& transport_;
  Direction::Awaiter wait_;
};

inline Transport::Readable Transport::wait_readable(TimePoint deadline) { return {*this, deadline}; }

}  // namespace sandgate::proxy::net

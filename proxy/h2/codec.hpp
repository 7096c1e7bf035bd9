// codec: one HTTP/2 connection as a machine without I/O: bytes in, events out; calls in, bytes out (RFC 9113).
//
//   receive(bytes) ──▶ StreamHandler: field… head_ended, data…, data_ended, closed
//   respond, interim, request, resume, reset, … ──▶ produce(block): frames to send
//
// Only its own files know nghttp2. Both roles: `server` faces clients, `client` faces sandboxes. Stream errors are
// answered by the codec itself (RST_STREAM) and end the stream with `closed`; a connection error, or a peer that used up
// an allowance of the FrameMeter, queues GOAWAY and nothing more is read.
//
// Handlers are called inside `receive` and `produce`. They may submit, and must neither receive, produce nor destroy.
// Throws std::bad_alloc only. What ends something (reset, forget, GOAWAY) never does, because it is called where nobody
// could do anything about it: without memory for it the codec is broken, and its connection to be aborted.
#pragma once

#include <proxy/base/buffer_pool.hpp>
#include <proxy/base/deadline.hpp>
#include <proxy/h2/crumbs.hpp>
#include <proxy/h2/error_code.hpp>
#include <proxy/h2/frame_meter.hpp>
#include <proxy/h2/window.hpp>
#include <proxy/http/head.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct nghttp2_session;

namespace sandgate::proxy::h2 {

using StreamId = std::int32_t;

/// The part of a body that is to be sent now.
struct Outgoing {
  std::string_view bytes;
  const http::Fields* trailers = nullptr;  ///< With the last part, if any.
  bool is_last = false;
  bool is_waiting = false;  ///< There is something to send: bytes, or the end.
};

/// One stream, as its owner sees it. The memory behind views holds only during the call.
class StreamHandler {
 public:
  /// A field of a head or of trailers, pseudo-header fields included.
  virtual void field(std::string_view name, std::string_view value) = 0;
  /// The head, or the trailers, are whole. `is_last`: the peer sends nothing after them.
  virtual void head_ended(bool is_last) = 0;
  virtual void data(std::string_view bytes) = 0;
  virtual void data_ended() = 0;
  /// The stream is over, in both directions or by a reset; the last call.
  virtual void closed(ErrorCode why) = 0;

  virtual Outgoing outgoing() const = 0;
  /// So much of `outgoing` is on its way; with the last part, `bytes` may be 0.
  virtual void sent(std::size_t bytes) = 0;

 protected:
  ~StreamHandler() = default;
};

class CodecHandler {
 public:
  /// Server: a request begins. Null: it is refused with REFUSED_STREAM.
  virtual StreamHandler* opened(StreamId id) = 0;
  /// The peer sent GOAWAY: streams above `last` were not looked at, new ones must not be opened.
  virtual void going_away(StreamId last) = 0;

 protected:
  ~CodecHandler() = default;
};

class Codec {
 public:
  enum class Role : std::uint8_t { server, client };
  struct Setting {
    Role role = Role::server;
    std::uint32_t streams = 100;      ///< Server: exchanges at once; advertised.
    std::uint32_t head_bytes = 0;     ///< Advertised as SETTINGS_MAX_HEADER_LIST_SIZE.
    std::uint32_t stream_window = 0;  ///< Bytes; what each receive window begins with.
    std::uint32_t connection_window = 0;
    std::uint32_t most_window = 0;  ///< What they may grow to.
    /// The connection's credit is given back as bytes come, so that streams nobody reads do not hold up the others;
    /// then the streams' windows alone bound what is held.
    bool credits_connection_at_once = false;
    std::uint32_t resets_per_minute = 0;
  };

  Codec(const Setting& setting, CodecHandler& handler);
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  // In

  void receive(std::string_view bytes, TimePoint now);
  /// More input makes sense: no connection error, and not both sides done.
  bool wants_input() const;
  /// The peer's preface came, its SETTINGS included (RFC 9113 3.4).
  bool has_begun() const { return meter_.has_begun(); }
  /// A head, or trailers, have begun and not ended.
  bool is_in_head() const { return meter_.is_in_head(); }
  /// The limit that ended the connection.
  std::optional<LimitLabel> exceeded() const { return exceeded_; }
  /// Ends it for that: GOAWAY(ENHANCE_YOUR_CALM).
  void exceed(LimitLabel label) noexcept;
  /// `bytes` of the stream's data were passed on: credit goes back. The stream may be closed already.
  void consume(StreamId id, Window& window, std::size_t bytes, bool is_drained, TimePoint now);
  /// A stream is over before `bytes` that came for it were passed on: the connection's credit for them goes back.
  void discard_unread(std::size_t bytes) noexcept;
  Window make_stream_window() const { return Window(setting_.stream_window, setting_.most_window); }

  // Out

  /// Server. `is_last`: no body follows. Else `outgoing` is asked for it, after `resume` each time it had nothing.
  void respond(StreamId id, const http::ResponseHead& head, bool is_last);
  void interim(StreamId id, const http::ResponseHead& head);
  /// Client. Nothing when the peer takes no more streams.
  std::optional<StreamId> request(const http::RequestHead& head, StreamHandler& stream);
  void resume(StreamId id);
  void reset(StreamId id, ErrorCode why) noexcept;
  /// The stream's handler is not called any more.
  void forget(StreamId id) noexcept;

  /// GOAWAY without a last stream yet: the peer should open no more, and those it has opened by then are served.
  void announce_shutdown() noexcept;
  /// GOAWAY with the last stream that was opened; later ones are refused or ignored. Once.
  void shut_down() noexcept;
  /// GOAWAY, and nothing after it.
  void terminate(ErrorCode why) noexcept;

  /// Appends frames to `block` until it is full or nothing is left; a frame larger than a block makes it a larger one.
  void produce(Buffer& block, BufferPool& buffers);
  /// Nothing can be read or sent any more.
  bool is_broken() const { return is_broken_; }
  /// `produce` would give something.
  bool has_output() const;

  /// A stream waits for more credit than it has; after a while without any, `release_held` lets it send what it can.
  bool holds_any() const { return crumbs_.holds_any(); }
  void release_held();

  /// Frames that wait for `produce`, without DATA.
  std::size_t unsent() const;
  /// So much waits to be sent that nothing more should be read that could be answered.
  bool is_congested() const;

  /// What the peer allows us to open at once (client).
  std::uint32_t peer_streams() const;

 private:
  struct Callbacks;
  struct SessionDeleter {
    void operator()(nghttp2_session* session) const;
  };

  void submit_settings();
  void make_greeting();
  void end(ErrorCode why) noexcept;
  void settle(int result) noexcept;
  bool has_agreed_windows() const;
  bool is_worth_sending(StreamId id, std::size_t credit, std::size_t waiting);
  void resume_all(const std::vector<StreamId>& streams);
  void return_connection_credit(std::size_t bytes);

  Setting setting_;
  CodecHandler& handler_;
  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  FrameMeter meter_;
  Window window_;
  Crumbs crumbs_;
  TimePoint now_{};
  std::string greeting_;                 ///< Our first bytes, until they were produced.
  Buffer* block_ = nullptr;              ///< What `produce` fills at the moment.
  std::size_t unsent_answers_ = 0;       ///< Bytes of heads, since nothing was unsent.
  std::optional<StreamId> last_stream_;  ///< That is served; since `shut_down`.
  std::optional<LimitLabel> exceeded_;
  bool is_ended_ = false;          ///< By a connection error: nothing is read any more.
  bool is_broken_ = false;         ///< The library gave up, or has no memory to end something.
  bool is_out_of_memory_ = false;  ///< A handler was.
};

}  // namespace sandgate::proxy::h2

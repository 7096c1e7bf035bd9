// client_stream: one HTTP/2 request of a client and the way to answer it.
//
//   opened ──▶ head ended ──▶ served ──▶ finished          the session starts the exchange once the head is whole
//      └─────── reset ────────┘                            one that never became whole is served as malformed, so that
//                                                          it is in the log like any other; its answer reaches nobody
//
// A request that says its body is empty begins with its end: bytes that follow all the same go nowhere.
//
// A tunnel (RFC 8441) is the same stream: 200 instead of 101, and DATA both ways.
#pragma once

#include <config/config.hpp>
#include <proxy/base/arena.hpp>
#include <proxy/base/small_memory.hpp>
#include <proxy/exchange.hpp>
#include <proxy/h2/stream.hpp>
#include <proxy/http/h2_head.hpp>
#include <proxy/session_host.hpp>

#include <boost/intrusive/list.hpp>

#include <memory>
#include <optional>

namespace sandgate::proxy::h2 {

namespace detail {
/// The arena, made before the stream whose memory it is.
struct StreamMemory {
  explicit StreamMemory(BufferPool& buffers) : arena(buffers) {}
  Arena arena;
};
}  // namespace detail

class ClientStream final
    : public SmallObject,
      public Exchange,
      private detail::StreamMemory,
      private Stream,
      public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  ClientStream(SessionHost& host, const ClientInfo& client, net::Transport& transport, Connection& connection,
               StreamId id);

  StreamHandler& handler() { return *this; }
  /// The head is whole, and the end of an empty body has come; or they never will: the exchange can begin.
  bool is_begun() const { return is_begun_; }
  /// Answers with `failure` whatever the request is.
  void refuse(Failure failure) { parse_failure_ = failure; }
  /// The handler is done with it: what is left of the stream is ended. A request that was answered early may still come
  /// to its end, within bounds: common clients drop an answer whose stream is reset behind it.
  Task<void> finish();
  /// Its connection is over.
  void lost(ErrorCode why) { closed(why); }

  const ClientInfo& client() const override { return client_; }
  const http::RequestHead& request() const override { return request_; }
  std::optional<Failure> parse_failure() const override { return parse_failure_; }
  bool is_host_covered(std::string_view host) const override;
  TimePoint started_at() const override { return started_at_; }
  std::pmr::memory_resource* memory() override { return arena.memory(); }

  BodySource& body() override { return *this; }
  bool is_body_touched() const override { return is_touched(); }
  Task<Result<void>> send_head(const http::ResponseHead& head, Flush flush) override;
  bool is_head_sent() const override { return is_head_sent_; }
  BodySink& response() override { return *this; }

  void close_after() override {}  // A refusal ends its stream; what ends connections is the session's to say.
  void cancel_body() override { cancel_read(); }
  void abort(Failure why) override;
  void on_gone(Runnable* runnable) override;

 private:
  Task<Result<Part>> read() override;
  Task<Result<void>> write(Part part) override;
  void take_field(std::string_view name, std::string_view value) override;
  bool take_head_end(bool is_last) override;
  void take_end() override { is_begun_ = true; }
  void broken(ErrorCode why) override;
  TimePoint read_deadline() const override;
  std::optional<Failure> read_expired() override;
  bool has_body(const http::ResponseHead& head) const;
  Task<void> read_away();
  void open_tunnel(const http::ResponseHead& head);

  SessionHost& host_;
  std::shared_ptr<const config::Config> config_;
  const ClientInfo& client_;
  net::Transport& transport_;
  http::RequestHead request_;
  http::H2RequestReader reader_;
  std::optional<Failure> parse_failure_;
  TimePoint started_at_;
  std::optional<TimePoint> read_away_until_;
  Runnable* on_gone_ = nullptr;
  bool is_begun_ = false;
  bool is_head_sent_ = false;
  bool is_tunnel_ = false;
  bool is_gone_ = false;
};

}  // namespace sandgate::proxy::h2

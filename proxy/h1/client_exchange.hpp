// client_exchange: one HTTP/1 request of a client and the way to answer it.
//
// States of the response, and what `finish` makes of each when the handler has returned:
//
//   nothing sent ──▶ head sent ──▶ body complete        the connection may go on, if the request is read to its end
//        │                │
//        └────────────────┴──▶ aborted                  closed with a reset: the client must not take it for whole
#pragma once

#include <config/config.hpp>
#include <proxy/base/arena.hpp>
#include <proxy/exchange.hpp>
#include <proxy/h1/message_reader.hpp>
#include <proxy/h1/message_writer.hpp>
#include <proxy/session_host.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace sandgate::proxy::h1 {

/// What the connection does after an exchange.
enum class Next : std::uint8_t { request, linger, close };

class ClientExchange final : public Exchange, private BodySource {
 public:
  ClientExchange(SessionHost& host, const ClientInfo& client, net::Transport& transport, MessageReader& reader);

  /// Reads the head. False: nobody is there to be answered (closed, reset, timed out without a byte).
  Task<bool> read_head(TimePoint deadline);
  /// Answers with `failure` whatever the request is.
  void refuse(Failure failure) { parse_failure_ = failure; }
  /// Reads what is left of the request, within bounds, and says how the connection goes on.
  Task<Next> finish();

  const ClientInfo& client() const override { return client_; }
  const http::RequestHead& request() const override { return request_; }
  std::optional<Failure> parse_failure() const override { return parse_failure_; }
  bool is_host_covered(std::string_view host) const override;
  TimePoint started_at() const override { return started_at_; }
  std::pmr::memory_resource* memory() override { return arena_.memory(); }

  BodySource& body() override { return *this; }
  bool is_body_touched() const override { return reader_.is_body_touched(); }
  Task<Result<void>> send_head(const http::ResponseHead& head, Flush flush) override;
  bool is_head_sent() const override { return state_ != State::nothing_sent; }
  BodySink& response() override { return writer_; }

  void close_after() override { keeps_alive_ = false; }
  void cancel_body() override { transport_.cancel_read(); }
  void abort(Failure why) override;
  void on_gone(Runnable* runnable) override { transport_.on_gone(runnable); }

 private:
  enum class State : std::uint8_t { nothing_sent, head_sent, tunnel, aborted };
  static constexpr std::size_t kMaxDrain = 256 * 1024;  ///< Hardening H1-BODY.

  Task<Result<Part>> read() override;
  bool is_ready() const override { return reader_.is_body_ready(); }

  void understand(const HeadBlock& block);
  /// Forbidden names in request trailers are a malformed request (contract 5).
  bool has_forbidden_trailer(const http::Fields& trailers) const;
  http::BodyLength response_length(const http::ResponseHead& head) const;
  void write_connection_fields(const http::ResponseHead& head);
  bool may_continue() const;
  Task<bool> drain_request();

  SessionHost& host_;
  std::shared_ptr<const config::Config> config_;
  const ClientInfo& client_;
  net::Transport& transport_;
  MessageReader& reader_;
  MessageWriter writer_;
  Arena arena_;
  http::RequestHead request_;
  std::optional<Failure> parse_failure_;
  TimePoint started_at_;
  State state_ = State::nothing_sent;
  bool keeps_alive_ = true;
  bool was_told_to_continue_ = false;
};

}  // namespace sandgate::proxy::h1

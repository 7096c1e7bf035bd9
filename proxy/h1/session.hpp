// session: the life of one HTTP/1 client connection.
//
//   ┌─▶ idle ── first byte ──▶ head ──▶ handler ──▶ finish ──┐
//   └──────────────────────── next request ─────────────────┤
//                                             linger ──▶ closed
//
// Idle, it holds no block and one small coroutine frame: `run` itself waits. One exchange at a time: pipelined requests wait in the
// connection and are answered in order. After a request that could not be understood nothing more is parsed.
#pragma once

#include <proxy/exchange.hpp>
#include <proxy/h1/client_exchange.hpp>
#include <proxy/h1/message_reader.hpp>
#include <proxy/net/transport.hpp>
#include <proxy/session_host.hpp>

#include <optional>

namespace sandgate::proxy::h1 {

class Session final : public ClientSession {
 public:
  Session(SessionHost& host, const ClientInfo& client, net::Transport& transport)
      : host_(host), client_(client), transport_(transport), reader_(transport, host.buffers) {}

  /// Until the connection is to be closed. `refusal` answers the first request, and ends it (a limit was hit); its head
  /// is whole by `head_by`.
  Task<void> run(std::optional<Failure> refusal, TimePoint head_by);
  /// A connection that has not sent its first request is not idle: its client is still to be answered.
  void drain() override { end_if_idle(); }
  bool end_if_idle() override {
    if (is_idle_) transport_.cancel_read();
    return is_idle_;
  }

 private:
  bool may_wait(bool is_first) const;
  TimePoint idle_until() const;
  Task<Next> serve_one(TimePoint head_by, std::optional<Failure> refusal);

  SessionHost& host_;
  const ClientInfo& client_;
  net::Transport& transport_;
  MessageReader reader_;
  std::uint32_t exchanges_ = 0;
  bool is_idle_ = false;
};

}  // namespace sandgate::proxy::h1

// relay: carry one request to a sandbox and its response back.
//
//        client                                      sandbox
//    Exchange::body  ──── request body ────▶  Upstream::body
//    Exchange::response ◀─── response ─────   Upstream::response
//
// A relay owns nothing and buffers nothing: one chunk is in flight in each direction, and the next is not read until
// the last was accepted. A slow reader on one side therefore stops the writer on the other, without any limit of our
// own.
//
// The response decides when an exchange is over: an upload it did not wait for is given up. A tunnel is over when both
// directions are. Whoever must end it early (the client is gone, nothing moved for too long, the route changed, the
// drain's grace ran out) calls `end`, which closes what is being waited on and remembers why.
//
// Fails with: client_closed, client_body_timeout, client_write_timeout, bad_request (body or trailers), sandbox_reset,
// sandbox_truncated, response_invalid, response_timeout, stream_idle_timeout, route_changed, token_missing or
// token_invalid (the route does not permit it any longer), draining.
#pragma once

#include <config/config.hpp>
#include <proxy/base/calling.hpp>
#include <proxy/base/fork.hpp>
#include <proxy/exchange.hpp>
#include <proxy/http/rewrite.hpp>
#include <proxy/live_exchanges.hpp>
#include <proxy/metrics.hpp>
#include <proxy/upstream/upstream.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace sandgate::proxy {

/// What went through, for the log and the counters.
struct Traffic {
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::optional<TimePoint> first_byte_at;  ///< When the sandbox's final head was read.
  std::uint16_t status = 0;
  bool is_tunnel = false;
};

class Relay final : public LiveExchange {
 public:
  struct Parties {
    Loop& loop;
    Metrics& metrics;
    Exchange& client;
    upstream::Upstream& upstream;
    const routing::Route& route;
    const Grounds& grounds;  ///< What the request was let in by.
  };

  Relay(const Parties& parties, const config::Timeouts& timeouts, Traffic& traffic);
  ~Relay();

  /// `request` is what the sandbox is to see; `scene` rewrites the responses.
  Task<Result<void>> run(const http::RequestHead& request, const http::Scene& scene);
  void end(Failure why) override;

 private:
  class Direction final : public PumpObserver {
   public:
    Direction(Relay& relay, std::uint64_t& bytes) : relay_(relay), bytes_(bytes) {}
    void passed(std::size_t bytes) override {
      bytes_ += bytes;
      relay_.restart_idle();
    }

   private:
    Relay& relay_;
    std::uint64_t& bytes_;
  };

  void restart_idle();
  void end_idle() { end(Failure::stream_idle_timeout); }
  void end_left() { end(Failure::client_closed); }
  Task<Result<void>> exchange(const http::RequestHead& request, const http::Scene& scene);
  Task<void> upload(Task<Result<void>> passing);
  Task<Result<void>> respond(const http::Scene& scene);
  Task<Result<void>> tunnel();
  Task<void> tunnel_up(Task<Result<void>> passing);
  Task<Result<void>> pass_up() { return guarded(pump(parties_.client.body(), parties_.upstream.body(), up_)); }

  Parties parties_;
  std::chrono::milliseconds idle_timeout_;
  std::chrono::milliseconds tunnel_idle_timeout_;
  Traffic& traffic_;
  Direction up_;
  Direction down_;
  CallOnTime<&Relay::end_idle> idle_{*this};
  CallSoon<&Relay::end_left> client_gone_{*this};
  std::optional<Failure> cause_;  ///< Why it was ended early.
  bool is_over_ = false;          ///< The response has decided; nothing ends it early any more.
};

}  // namespace sandgate::proxy

#include <proxy/relay.hpp>

#include <optional>
#include <utility>

namespace sandgate::proxy {

using http::BodyLength;

Relay::Relay(const Parties& parties, const config::Timeouts& timeouts, Traffic& traffic)
    : LiveExchange(parties.route, parties.grounds),
      parties_(parties),
      idle_timeout_(timeouts.stream_idle),
      tunnel_idle_timeout_(timeouts.tunnel_idle),
      traffic_(traffic),
      up_(*this, traffic.bytes_up),
      down_(*this, traffic.bytes_down) {
  restart_idle();
}

Relay::~Relay() {
  parties_.client.on_gone(nullptr);
  idle_.disarm();
}

void Relay::end(Failure why) {
  if (cause_ || is_over_) return;
  cause_ = why;
  parties_.upstream.abort();
  if (parties_.client.is_head_sent()) {
    parties_.client.abort(why);
  } else {
    parties_.client.cancel_body();  // The client is still to be told.
  }
}

void Relay::restart_idle() { parties_.loop.arm(idle_, after(parties_.loop.now(), idle_timeout_)); }

Task<Result<void>> Relay::run(const http::RequestHead& request, const http::Scene& scene) {
  const Result<void> result = co_await exchange(request, scene);
  if (cause_) co_return *cause_;
  co_return result;
}

Task<Result<void>> Relay::exchange(const http::RequestHead& request, const http::Scene& scene) {
  const bool has_body = request.body.kind != BodyLength::Kind::none;
  const bool body_is_here = has_body && parties_.client.body().is_ready();
  const Result<void> sent = co_await parties_.upstream.send_head(request, body_is_here ? Flush::with_next : Flush::now);
  if (sent.has_error()) co_return sent;
  // A body that waits for the sandbox is not being read, so its reader would not notice.
  parties_.client.on_gone(&client_gone_);
  if (!has_body) co_return co_await respond(scene);
  Task<Result<void>> responding = guarded(respond(scene));
  Fork uploading(parties_.loop, upload(pass_up()));
  const Result<void> responded = co_await std::move(responding);
  is_over_ = true;
  if (!uploading.is_done()) {
    parties_.client.cancel_body();
    parties_.upstream.abort();
  }
  co_await uploading.join();
  co_return responded;
}

/// A client that fails ends the exchange, and so does the edge. A sandbox that stops reading does not: it may have
/// answered already.
Task<void> Relay::upload(Task<Result<void>> passing) {
  const Result<void> result = co_await std::move(passing);
  if (!result.has_error()) co_return;
  const Blame blame = row(result.error()).blame;
  if (blame == Blame::client || blame == Blame::edge) {
    end(result.error());
  } else {
    parties_.upstream.stop_sending();
  }
}

Task<Result<void>> Relay::respond(const http::Scene& scene) {
  std::pmr::memory_resource* memory = parties_.client.memory();
  for (;;) {
    http::ResponseHead received(memory);
    const Result<void> read = co_await parties_.upstream.read_head(received);
    if (read.has_error()) co_return read;
    restart_idle();
    http::ResponseHead head(memory);
    http::rewrite_response(received, parties_.client.request(), scene, memory, head);
    const bool goes_on = head.is_interim();
    if (!goes_on) {
      traffic_.first_byte_at = parties_.loop.now();
      traffic_.status = head.status;
    }
    const bool body_is_here = !goes_on && head.status != 101 && parties_.upstream.response().is_ready();
    const Result<void> sent = co_await parties_.client.send_head(head, body_is_here ? Flush::with_next : Flush::now);
    if (sent.has_error()) co_return sent;
    if (goes_on) continue;
    if (head.status == 101) co_return co_await tunnel();
    co_return co_await pump(parties_.upstream.response(), parties_.client.response(), down_);
  }
}

Task<Result<void>> Relay::tunnel() {
  traffic_.is_tunnel = true;
  idle_timeout_ = tunnel_idle_timeout_;
  restart_idle();
  parties_.client.on_gone(nullptr);  // Reading tells; what it sent before it left is still delivered.
  Task<Result<void>> passing_down = guarded(pump(parties_.upstream.response(), parties_.client.response(), down_));
  const GaugeMark mark(parties_.metrics.active_tunnels);
  Fork upwards(parties_.loop, tunnel_up(pass_up()));
  const Result<void> downwards = co_await std::move(passing_down);
  if (downwards.has_error()) end(downwards.error());
  co_await upwards.join();
  co_return downwards;
}

Task<void> Relay::tunnel_up(Task<Result<void>> passing) {
  const Result<void> result = co_await std::move(passing);
  if (result.has_error()) end(result.error());
}

}  // namespace sandgate::proxy

#include <proxy/active_mark.hpp>
#include <proxy/h1/session.hpp>
#include <proxy/net/linger.hpp>

#include <utility>

namespace sandgate::proxy::h1 {
Task<void> Session::run(std::optional<Failure> refusal, TimePoint head_by) {
  Next next = Next::request;
  for (bool is_first = true; next == Next::request; is_first = false) {
    if (!reader_.has_leftover()) {
      if (!may_wait(is_first)) {
        next = Next::linger;
        break;
      }
      is_idle_ = !is_first;
      const net::Io waited = co_await transport_.wait_readable(is_first ? head_by : idle_until());
      is_idle_ = false;
      if (waited != net::Io::ok) co_return;
    }
    if (!is_first) head_by = after(host_.loop.now(), host_.config->timeouts.client_head);
    next = co_await serve_one(head_by, std::exchange(refusal, std::nullopt));
    reader_.rest();
  }
  if (next == Next::linger) co_await net::linger(transport_, host_.buffers, host_.linger());
}

/// False when the edge drains: then no request is waited for, but the first of a connection.
bool Session::may_wait(bool is_first) const { return is_first || host_.drain < DrainPhase::finishing; }

TimePoint Session::idle_until() const { return after(host_.loop.now(), host_.config->timeouts.client_idle); }

Task<Next> Session::serve_one(TimePoint head_by, std::optional<Failure> refusal) {
  const ActiveMark mark(host_.metrics);
  ClientExchange exchange(host_, client_, transport_, reader_);
  if (!co_await exchange.read_head(head_by)) co_return Next::close;
  if (!refusal && host_.refuses_for_memory()) refusal = Failure::overloaded;
  if (refusal) exchange.refuse(*refusal);
  if (++exchanges_ >= host_.config->limits.exchanges_per_connection) exchange.close_after();
  co_await host_.handler.handle(exchange);
  co_return co_await exchange.finish();
}

}  // namespace sandgate::proxy::h1

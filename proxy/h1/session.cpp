#include <proxy/h1/session.hpp>

namespace sandgate::proxy::h1 {
namespace {

// Enough for the client to read a refusal before a reset could destroy it (RFC 9112 9.6; hardening H1-ERR).
constexpr std::size_t kMaxLinger = 64 * 1024;
constexpr std::chrono::seconds kLinger{2};

/// Moves the connection from idle to active in the metrics while it lives.
class ActiveMark {
 public:
  explicit ActiveMark(Metrics& metrics) : metrics_(metrics) { move(ClientState::idle, ClientState::active); }
  ~ActiveMark() { move(ClientState::active, ClientState::idle); }
  ActiveMark(const ActiveMark&) = delete;
  ActiveMark& operator=(const ActiveMark&) = delete;

 private:
  void move(ClientState from, ClientState to) {
    metrics_.client_connections[static_cast<std::size_t>(from)].subtract();
    metrics_.client_connections[static_cast<std::size_t>(to)].add();
  }
  Metrics& metrics_;
};

}  // namespace

Task<void> Session::run(std::optional<Failure> refusal) {
  Next next = Next::request;
  for (bool is_first = true; next == Next::request; is_first = false) {
    if (!co_await wait_for_request(is_first)) co_return;
    next = co_await serve_one(is_first, refusal);
    reader_.rest();
  }
  if (next == Next::linger) co_await linger();
}

/// False when the connection ends instead: closed, idle for too long, or the edge drains.
Task<bool> Session::wait_for_request(bool is_first) {
  if (reader_.has_leftover()) co_return true;
  if (host_.drain >= DrainPhase::finishing && !is_first) co_return false;
  const config::Timeouts& timeouts = host_.config->timeouts;
  is_idle_ = !is_first;
  const auto timeout = is_first ? timeouts.client_head : timeouts.client_idle;
  const net::Io waited = co_await transport_.wait_readable(after(host_.loop.now(), timeout));
  is_idle_ = false;
  co_return waited == net::Io::ok;
}

Task<Next> Session::serve_one(bool is_first, std::optional<Failure> refusal) {
  const ActiveMark mark(host_.metrics);
  ClientExchange exchange(host_, client_, transport_, reader_);
  const TimePoint deadline = after(host_.loop.now(), host_.config->timeouts.client_head);
  if (!co_await exchange.read_head(deadline)) co_return Next::close;
  if (is_first && refusal) exchange.refuse(*refusal);
  if (++exchanges_ >= host_.config->limits.exchanges_per_connection) exchange.close_after();
  co_await host_.handler.handle(exchange);
  co_return co_await exchange.finish();
}

Task<void> Session::linger() {
  transport_.finish_writing();
  const TimePoint deadline = host_.loop.now() + kLinger;
  Buffer sink = host_.buffers.lease();
  for (std::size_t discarded = 0; discarded < kMaxLinger;) {
    const net::IoSize got = co_await transport_.read(sink.room(), sink.room_size(), deadline);
    if (got.status != net::Io::ok) co_return;
    discarded += got.size;
  }
}

}  // namespace sandgate::proxy::h1

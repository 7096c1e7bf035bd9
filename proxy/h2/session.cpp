#include <proxy/h2/session.hpp>
#include <proxy/net/linger.hpp>

#include <exception>
#include <utility>

namespace sandgate::proxy::h2 {
namespace {

// Between the two GOAWAYs: what was on its way arrives (hardening H2-DRAIN).
constexpr std::chrono::seconds kLastCall{1};

Codec::Setting codec_setting(const config::Limits& limits) {
  const auto bytes = [](config::Bytes size) { return static_cast<std::uint32_t>(size.count); };
  Codec::Setting setting;
  setting.role = Codec::Role::server;
  setting.streams = limits.streams_per_connection;
  setting.head_bytes = bytes(limits.head_bytes);
  setting.stream_window = bytes(limits.h2_stream_window);
  setting.connection_window = bytes(limits.h2_connection_window);
  setting.most_window = bytes(limits.h2_max_window);
  setting.resets_per_minute = limits.h2_resets_per_minute;
  return setting;
}

}  // namespace

Session::Session(SessionHost& host, const ClientInfo& client, net::Transport& transport)
    : host_(host),
      client_(client),
      transport_(transport),
      connection_(transport, host.buffers, codec_setting(host.config->limits), *this,
                  host.config->timeouts.client_write),
      all_served_(host.loop) {}

Task<void> Session::run(std::optional<Failure> refusal, TimePoint preface_by) {
  refusal_ = refusal;
  host_.loop.arm(idle_, preface_by);
  if (host_.drain >= DrainPhase::finishing) drain();
  co_await connection_.run();
  while (stream_count_ > 0) co_await all_served_.wait();
  if (const auto limit = connection_.codec().exceeded()) host_.metrics.limit(*limit).add();
  if (!transport_.is_aborted()) co_await net::linger(transport_, host_.buffers, host_.linger());
}

StreamHandler* Session::opened(StreamId id) {
  if (stream_count_ >= host_.config->limits.streams_per_connection) {
    host_.metrics.limit(LimitLabel::h2_streams).add();
    return nullptr;
  }
  if (host_.refuses_for_memory()) return nullptr;
  opening_.push_back(std::make_unique<ClientStream>(host_, client_, transport_, connection_, id));
  ++stream_count_;
  if (!active_) active_.emplace(host_.metrics);
  idle_.disarm();
  ClientStream& stream = *opening_.back();
  stream.on_gone(&cut_off_);  // Until its exchange wants to know.
  if (refusal_) stream.refuse(*refusal_);
  return &stream.handler();
}

void Session::received() { begin(); }

/// Serves every stream whose head is whole, or never will be.
void Session::begin() {
  for (std::size_t i = 0; i < opening_.size();) {
    if (!opening_[i]->is_begun()) {
      ++i;
      continue;
    }
    std::unique_ptr<ClientStream> stream = std::move(opening_[i]);
    opening_.erase(opening_.begin() + static_cast<std::ptrdiff_t>(i));
    if (++exchanges_ >= host_.config->limits.exchanges_per_connection) drain();
    if (refusal_) end();
    stream->on_gone(nullptr);
    start(std::move(stream));
  }
  watch_opening();
}

/// Without memory to serve it the connection ends, and the stream with it.
void Session::start(std::unique_ptr<ClientStream> stream) {
  ClientStream& exchange = *stream;
  streams_.push_back(exchange);
  try {
    serve(stream);
  } catch (const std::bad_alloc&) {
    host_.handler.turn_away(exchange);
    connection_.abort();
    stream.reset();
    served();
  }
}

/// A head, the end of an empty body, and the preface have client_head to come.
void Session::watch_opening() {
  const Codec& codec = connection_.codec();
  if (!codec.has_begun()) return;
  if (!std::exchange(has_begun_, true) && stream_count_ == 0) rest();
  if (opening_.empty() && !codec.is_in_head()) {
    opening_late_.disarm();
  } else if (!opening_late_.is_armed()) {
    host_.loop.arm(opening_late_, after(host_.loop.now(), host_.config->timeouts.client_head));
  }
}

void Session::lost(ErrorCode why) {
  for (const std::unique_ptr<ClientStream>& stream : opening_) stream->lost(why);
  received();
  for (auto it = streams_.begin(); it != streams_.end();) (it++)->lost(why);
}

/// Takes the stream once there is a coroutine to serve it.
Detached Session::serve(std::unique_ptr<ClientStream>& given) {
  std::unique_ptr<ClientStream> stream = std::move(given);
  try {
    co_await host_.handler.handle(*stream);
    co_await stream->finish();
  } catch (const std::exception&) {
    connection_.abort();  // Out of memory: this connection pays, the others go on.
  }
  stream.reset();
  served();
}

void Session::served() {
  if (--stream_count_ > 0) return;
  active_.reset();
  rest();
  all_served_.set();
}

/// Nothing is under way.
void Session::rest() { host_.loop.arm(idle_, after(host_.loop.now(), host_.config->timeouts.client_idle)); }

void Session::drain() {
  if (phase_ != Phase::serving) return;
  phase_ = Phase::announced;
  connection_.codec().announce_shutdown();
  connection_.flush();
  host_.loop.arm(last_call_, host_.loop.now() + kLastCall);
}

bool Session::end_if_idle() {
  const bool is_idle = has_begun_ && stream_count_ == 0 && phase_ == Phase::serving;
  if (is_idle) end();
  return is_idle;
}

void Session::end() {
  if (phase_ == Phase::ending) return;
  phase_ = Phase::ending;
  connection_.codec().shut_down();
  connection_.flush();
}

}  // namespace sandgate::proxy::h2

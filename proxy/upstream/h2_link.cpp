#include <proxy/upstream/h2_link.hpp>

#include <algorithm>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace sandgate::proxy::upstream {
namespace {

// A sandbox is near, so a small window is a fast one. It bounds what is held for a client that does not read; the
// connection's is never the brake, or one such client could stop the others of the same sandbox.
constexpr std::uint32_t kStreamWindow = 64 * 1024;
constexpr std::uint32_t kConnectionWindow = 1024 * 1024;
constexpr std::uint32_t kMostWindow = 256 * 1024;
constexpr std::uint32_t kMostStreams = 100;
// RFC 9113 5.1.1: there are no ids after that many; some are left for those under way.
constexpr std::uint32_t kMostExchanges = 1'000'000'000;
// Heads that the sandbox has not taken yet. They are held until it does, whatever becomes of their exchanges.
constexpr std::size_t kMostUnsent = 16;
// For the goodbye to be taken.
constexpr std::chrono::seconds kGoodbye{1};
// A service may cancel a lot of calls for reasons of its own; this is against one that does nothing else.
constexpr std::uint32_t kResetsPerMinute = 60'000;

h2::Codec::Setting codec_setting(const config::Limits& limits) {
  h2::Codec::Setting setting;
  setting.role = h2::Codec::Role::client;
  setting.streams = kMostStreams;
  setting.head_bytes = static_cast<std::uint32_t>(limits.response_head_bytes.count);
  setting.stream_window = kStreamWindow;
  setting.connection_window = kConnectionWindow;
  setting.most_window = kMostWindow;
  setting.credits_connection_at_once = true;
  setting.resets_per_minute = kResetsPerMinute;
  return setting;
}

/// A sandbox that has vanished (its machine, or the way there) is found out by what it does not acknowledge. Until then
/// the link would be given every new stream, for the quarter of an hour that TCP tries. One connection for each
/// exchange needs none of this: there a sandbox that does not read for long is in order.
void bound_acknowledgement(int socket, std::chrono::milliseconds timeout) {
  const auto bound = static_cast<unsigned int>(std::min<std::int64_t>(timeout.count(), 1 << 30));
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &bound, sizeof bound);
}

}  // namespace

H2Link::H2Link(std::unique_ptr<Connection>&& connection, const Environment& environment, Keeper& keeper)
    : environment_(environment),
      keeper_(keeper),
      connection_(connection->transport, environment.buffers, codec_setting(environment.config->limits), *this,
                  environment.config->timeouts.stream_idle),
      none_left_(connection->transport.loop()) {
  bound_acknowledgement(connection->transport.socket(), environment.config->timeouts.sandbox_ack);
  running_ = run(connection_.run());
  tcp_ = std::move(connection);
}

H2Link::~H2Link() = default;

Companion H2Link::run(Task<void> moving) {
  co_await Yield(connection_.loop());  // Whoever dialled adds its stream first; one that is dead already tells it then.
  co_await std::move(moving);
  takes_streams_ = false;
  while (!streams_.empty()) co_await none_left_.wait();
  connection_.loop().schedule(ended_);
}

bool H2Link::has_room() const {
  const h2::Codec& codec = connection_.codec();
  return takes_streams_ && streams_.size() < std::min(kMostStreams, codec.peer_streams()) &&
         tcp_->exchanges < kMostExchanges && codec.unsent() < kMostUnsent;
}

std::unique_ptr<Connection> H2Link::take_connection() {
  if (has_carried()) move_gauge(UpstreamState::idle, UpstreamState::active);  // As the pool gave it.
  return std::move(tcp_);
}

void H2Link::add(LinkedStream& stream) {
  if (streams_.empty() && has_carried()) move_gauge(UpstreamState::idle, UpstreamState::active);
  rested_.disarm();
  streams_.push_back(stream);
  ++tcp_->exchanges;
}

void H2Link::remove(LinkedStream& stream) {
  streams_.erase(streams_.iterator_to(stream));
  if (!streams_.empty()) return;
  move_gauge(UpstreamState::active, UpstreamState::idle);
  none_left_.set();
  const auto rest = has_room() ? environment_.config->timeouts.sandbox_idle : std::chrono::milliseconds(1);
  connection_.loop().arm(rested_, connection_.loop().now() + rest);
}

void H2Link::lost(h2::ErrorCode why) {
  takes_streams_ = false;
  for (LinkedStream& stream : streams_) stream.lost(why);
}

/// Ends it in order: GOAWAY, then the connection. A sandbox that does not even take the GOAWAY is cut off.
void H2Link::close() {
  if (std::exchange(is_closing_, true)) return connection_.abort();
  takes_streams_ = false;
  connection_.codec().terminate(h2::ErrorCode::no_error);
  connection_.flush();
  connection_.loop().arm(rested_, connection_.loop().now() + kGoodbye);
}

void H2Link::move_gauge(UpstreamState from, UpstreamState to) {
  environment_.metrics.upstream_connections[static_cast<std::size_t>(from)].subtract();
  environment_.metrics.upstream_connections[static_cast<std::size_t>(to)].add();
}

}  // namespace sandgate::proxy::upstream

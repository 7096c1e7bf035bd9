#include <proxy/h2/client_stream.hpp>
#include <proxy/http/rewrite.hpp>
#include <proxy/net/tls.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::proxy::h2 {
namespace {

// Of a request that was answered early (hardening H1-BODY).
constexpr std::size_t kMostReadAway = 256 * 1024;
constexpr std::chrono::seconds kLongestReadAway{1};

http::HeadLimits head_limits(const config::Limits& limits) {
  return {limits.head_bytes.count, limits.head_fields, limits.target_bytes.count};
}

Stream::Setting stream_setting(const config::Config& config) {
  const config::Limits& limits = config.limits;
  return {Failure::client_closed, Failure::client_write_timeout, config.timeouts.client_write,
          http::H2HeadSize(limits.head_bytes.count, limits.head_fields)};
}

/// What the client is told of a response that is cut off (RFC 9113 7, RFC 8441 5).
ErrorCode code_for(Failure why, bool is_tunnel) {
  switch (why) {
    case Failure::bad_request:
      return ErrorCode::protocol_error;
    case Failure::sandbox_reset:
    case Failure::sandbox_truncated:
      return is_tunnel ? ErrorCode::cancel : ErrorCode::internal_error;
    case Failure::response_invalid:
      return ErrorCode::internal_error;
    default:
      return ErrorCode::cancel;
  }
}

}  // namespace

ClientStream::ClientStream(SessionHost& host, const ClientInfo& client, net::Transport& transport,
                           Connection& connection, StreamId id)
    : StreamMemory(host.buffers),
      Stream(connection, stream_setting(*host.config), arena.memory()),
      host_(host),
      config_(host.config),
      client_(client),
      transport_(transport),
      request_(arena.memory()),
      reader_(head_limits(config_->limits), arena.memory(), request_),
      started_at_(host.loop.now()) {
  request_.fields.reserve(32);
  open(id);
}

void ClientStream::take_field(std::string_view name, std::string_view value) {
  reader_.take(name, value);
  if (reader_.is_absurd()) connection().codec().exceed(LimitLabel::head_bytes);
}

bool ClientStream::take_head_end(bool is_last) {
  const Result<void> understood = reader_.finish(is_last);
  if (understood.has_error() && !parse_failure_) parse_failure_ = understood.error();
  is_begun_ = parse_failure_ || request_.body != http::BodyLength{http::BodyLength::Kind::length, 0};
  return true;
}

void ClientStream::broken(ErrorCode /*why*/) {
  if (!is_begun_ && !parse_failure_) parse_failure_ = Failure::bad_request;
  is_begun_ = true;
  is_gone_ = true;
  if (on_gone_ != nullptr) host_.loop.schedule(*std::exchange(on_gone_, nullptr));
}

void ClientStream::on_gone(Runnable* runnable) {
  on_gone_ = runnable;
  if (on_gone_ != nullptr && is_gone_) host_.loop.schedule(*std::exchange(on_gone_, nullptr));
}

bool ClientStream::is_host_covered(std::string_view host) const {
  return transport_.ssl() == nullptr || net::presented_certificate_covers(transport_.ssl(), host);
}

/// Once the response has begun, only the relay's stream_idle counts: a quiet request body is no fault then.
TimePoint ClientStream::read_deadline() const {
  if (read_away_until_) return *read_away_until_;
  return is_head_sent_ ? kNever : after(host_.loop.now(), config_->timeouts.client_body_idle);
}

std::optional<Failure> ClientStream::read_expired() {
  return is_head_sent_ && !read_away_until_ ? std::nullopt : std::optional(Failure::client_body_timeout);
}

Task<Result<Part>> ClientStream::read() {
  const Result<Part> part = co_await Stream::read();
  if (part.has_error()) co_return is_malformed() ? Failure::bad_request : part.error();
  if (part->trailers == nullptr) co_return part;
  const bool is_forbidden = std::any_of(trailers_.begin(), trailers_.end(), [&](const http::Field& field) {
    return http::is_forbidden_trailer(field.name, config_->access.token_header);
  });
  if (is_forbidden) co_return Failure::bad_request;
  co_return part;
}

Task<Result<void>> ClientStream::write(Part part) {
  const Result<void> written = co_await Stream::write(part);
  if (written.has_error() && written.error() == Failure::client_write_timeout) {
    host_.metrics.limit(LimitLabel::h2_stalled_streams).add();
  }
  co_return written;
}

bool ClientStream::has_body(const http::ResponseHead& head) const {
  if (head.status == 204 || head.status == 304 || request_.method == "HEAD") return false;
  return head.body.kind != http::BodyLength::Kind::none &&
         head.body != http::BodyLength{http::BodyLength::Kind::length};
}

Task<Result<void>> ClientStream::send_head(const http::ResponseHead& head, Flush flush) {
  if (is_over()) co_return Failure::client_closed;
  if (head.is_interim()) {
    connection().codec().interim(id(), head);
    connection().flush();
    co_return Result<void>{};
  }
  // To the client any 2xx says that the tunnel is open (RFC 9110 9.3.6).
  const bool is_success = head.status >= 200 && head.status < 300;
  if (is_success && !request_.upgrade.empty()) co_return Failure::response_invalid;
  is_head_sent_ = true;
  if (head.status == 101) {
    open_tunnel(head);
  } else {
    if (!has_body(head)) sends_nothing_more();
    connection().codec().respond(id(), head, is_sent());
  }
  if (flush == Flush::now || is_sent()) connection().flush();
  co_return Result<void>{};
}

/// A switch of protocols is a 200 here, and the key it answers is the edge's own (RFC 8441 5).
void ClientStream::open_tunnel(const http::ResponseHead& head) {
  is_tunnel_ = true;
  http::ResponseHead opened(memory());
  opened.status = 200;
  for (const http::Field& field : head.fields) {
    if (!http::equal_ignoring_case(field.name, "sec-websocket-accept")) opened.fields.add(field.name, field.value);
  }
  connection().codec().respond(id(), opened, false);
}

void ClientStream::abort(Failure why) {
  reset(code_for(why, is_tunnel_));
  connection().flush();
}

Task<void> ClientStream::finish() {
  if (!is_over() && !is_sent()) reset(ErrorCode::internal_error);  // The handler gave up on it.
  connection().flush();
  if (!is_over() && !is_received()) co_await read_away();
  if (!is_over() && !is_received()) reset(ErrorCode::no_error);  // Answered before the request was whole.
  connection().flush();
}

Task<void> ClientStream::read_away() {
  read_away_until_ = host_.loop.now() + kLongestReadAway;
  for (std::size_t bytes = 0; bytes <= kMostReadAway;) {
    const Result<Part> part = co_await Stream::read();
    if (part.has_error() || part->is_last) co_return;
    bytes += part->bytes.size();
  }
}

}  // namespace sandgate::proxy::h2

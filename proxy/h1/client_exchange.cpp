#include <proxy/h1/client_exchange.hpp>
#include <proxy/http/h1_head.hpp>
#include <proxy/http/h1_write.hpp>
#include <proxy/http/rewrite.hpp>
#include <proxy/net/tls.hpp>

#include <algorithm>

namespace sandgate::proxy::h1 {

using http::BodyLength;
using http::Version;

ClientExchange::ClientExchange(SessionHost& host, const ClientInfo& client, net::Transport& transport,
                               MessageReader& reader)
    : host_(host),
      config_(host.config),
      client_(client),
      transport_(transport),
      reader_(reader),
      writer_(transport, host.buffers, {Failure::client_closed, Failure::client_write_timeout},
              config_->timeouts.client_write),
      arena_(host.buffers),
      request_(arena_.memory()),
      started_at_(host.loop.now()) {}

Task<bool> ClientExchange::read_head(TimePoint deadline) {
  const HeadBlock block = co_await reader_.read_head(config_->limits.head_bytes.count, deadline);
  switch (block.status) {
    case HeadStatus::complete:
      understand(block);
      co_return true;
    case HeadStatus::malformed:
      parse_failure_ = Failure::bad_request;
      break;
    case HeadStatus::truncated:
      parse_failure_ = Failure::bad_request;
      break;
    case HeadStatus::too_large:
      parse_failure_ = http::oversize_failure(block.bytes);
      break;
    case HeadStatus::timed_out:
      parse_failure_ = Failure::head_timeout;
      break;
    case HeadStatus::closed:
    case HeadStatus::broken:
      co_return false;
  }
  co_return !block.bytes.empty();
}

void ClientExchange::understand(const HeadBlock& block) {
  const config::Limits& limits = config_->limits;
  request_.fields.reserve(32);
  const http::HeadLimits head_limits{limits.head_bytes.count, limits.head_fields, limits.target_bytes.count};
  const Result<void> parsed = http::parse_request(block.bytes, head_limits, request_);
  if (parsed.has_error()) {
    parse_failure_ = parsed.error();
  } else {
    reader_.begin_body(request_.body);
  }
}

bool ClientExchange::is_host_covered(std::string_view host) const {
  return transport_.ssl() == nullptr || net::presented_certificate_covers(transport_.ssl(), host);
}

bool ClientExchange::has_forbidden_trailer(const http::Fields& trailers) const {
  return std::any_of(trailers.begin(), trailers.end(), [&](const http::Field& field) {
    return http::is_forbidden_trailer(field.name, config_->access.token_header);
  });
}

Task<Result<Part>> ClientExchange::read() {
  for (;;) {
    // Once the response has begun, only the relay's stream_idle counts: a quiet request body is no fault then.
    const bool counts = state_ == State::nothing_sent;
    const TimePoint deadline = counts ? after(host_.loop.now(), config_->timeouts.client_body_idle) : kNever;
    const BodyRead read = co_await reader_.read_body(deadline);
    switch (read.status) {
      case BodyStatus::part:
        if (read.part.trailers != nullptr && has_forbidden_trailer(*read.part.trailers)) co_return Failure::bad_request;
        co_return read.part;
      case BodyStatus::malformed:
        co_return Failure::bad_request;
      case BodyStatus::timed_out:
        if (state_ != State::nothing_sent) continue;
        co_return Failure::client_body_timeout;
      case BodyStatus::truncated:
      case BodyStatus::broken:
        co_return Failure::client_closed;
    }
  }
}

BodyLength ClientExchange::response_length(const http::ResponseHead& head) const {
  const bool is_bodyless = head.status < 200 || head.status == 204 || head.status == 304 || request_.method == "HEAD";
  if (is_bodyless) return {};
  if (head.body.kind == BodyLength::Kind::none) return {BodyLength::Kind::length, 0};
  if (head.body.kind == BodyLength::Kind::length) return head.body;
  const bool understands_chunks = request_.version == Version::http_1_1;
  return {understands_chunks ? BodyLength::Kind::chunked : BodyLength::Kind::until_end, 0};
}

bool ClientExchange::may_continue() const {
  // A client that waits for 100 and gets a final answer may send its body or not; the next bytes could be either.
  const bool is_body_uncertain = request_.expects_continue && !was_told_to_continue_ && !reader_.is_body_finished();
  return keeps_alive_ && request_.keep_alive && !parse_failure_ && !is_body_uncertain &&
         host_.drain < DrainPhase::finishing;
}

void ClientExchange::write_connection_fields(const http::ResponseHead& head) {
  HeadText& text = writer_.text();
  if (head.status == 101) {
    http::write_field(text, "Connection", "upgrade");
    http::write_field(text, "Upgrade", request_.upgrade);
    return;
  }
  const BodyLength length = response_length(head);
  const bool announces_length = request_.method == "HEAD" && head.body.kind == BodyLength::Kind::length;
  http::write_framing(text, announces_length ? head.body : length);
  keeps_alive_ = may_continue() && length.kind != BodyLength::Kind::until_end;
  if (!keeps_alive_) {
    http::write_field(text, "Connection", "close");
  } else if (request_.version == Version::http_1_0) {
    http::write_field(text, "Connection", "keep-alive");
  }
}

Task<Result<void>> ClientExchange::send_head(const http::ResponseHead& head, Flush flush) {
  if (head.is_interim() && request_.version == Version::http_1_0) return done();
  HeadText& text = writer_.text();
  http::write_status_line(text, head.status, head.reason);
  http::write_fields(text, head.fields);
  if (head.is_interim()) {
    was_told_to_continue_ = was_told_to_continue_ || head.status == 100;
    text.append("\r\n");
    return writer_.flush();
  }
  write_connection_fields(head);
  text.append("\r\n");
  if (head.status == 101) {
    state_ = State::tunnel;
    writer_.begin_tunnel();
    reader_.begin_body({BodyLength::Kind::until_end, 0});
  } else {
    state_ = State::head_sent;
    writer_.begin_body(response_length(head));
  }
  return flush == Flush::now ? writer_.flush() : done();
}

void ClientExchange::abort(Failure /*why*/) {
  state_ = State::aborted;
  transport_.abort();
}

Task<Next> ClientExchange::finish() {
  if (state_ == State::aborted || transport_.is_aborted()) co_return Next::close;
  if (state_ == State::tunnel && writer_.is_finished()) co_return Next::close;
  if (!writer_.is_finished()) {  // The handler gave up on it.
    abort(Failure::client_closed);
    co_return Next::close;
  }
  if (!keeps_alive_ || host_.drain == DrainPhase::over) co_return Next::linger;
  co_return co_await drain_request() ? Next::request : Next::linger;
}

/// What is left of a request whose answer came early. False when it is too much, too slow or broken.
Task<bool> ClientExchange::drain_request() {
  const TimePoint deadline = host_.loop.now() + std::chrono::seconds(5);
  std::size_t drained = 0;
  while (!reader_.is_body_finished()) {
    const BodyRead read = co_await reader_.read_body(deadline);
    if (read.status != BodyStatus::part) co_return false;
    drained += read.part.bytes.size();
    if (drained > kMaxDrain) co_return false;
  }
  co_return true;
}

}  // namespace sandgate::proxy::h1

#include <proxy/http/h1_head.hpp>
#include <proxy/http/h1_write.hpp>
#include <proxy/http/rewrite.hpp>
#include <proxy/upstream/h1_upstream.hpp>
#include <proxy/upstream/pool.hpp>

#include <algorithm>
#include <charconv>

namespace sandgate::proxy::upstream {

using http::BodyLength;

namespace {

constexpr std::size_t kUsualFields = 16;  // of a response; the list grows when there are more

/// Seconds of `Keep-Alive: timeout=N`, or nothing.
std::optional<std::chrono::seconds> keep_alive_timeout(std::string_view value) {
  constexpr std::string_view kName = "timeout=";
  const std::size_t at = value.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = value.substr(at + kName.size());
  std::uint32_t seconds = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  return parsed.ec == std::errc{} ? std::optional(std::chrono::seconds(seconds)) : std::nullopt;
}

/// A method that gives a body meaning says how long it is even when it is empty (RFC 9110 8.6).
bool expects_length(std::string_view method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

}  // namespace

H1Upstream::H1Upstream(std::unique_ptr<Connection> connection, const Setting& setting,
                       std::pmr::memory_resource* memory)
    : connection_(std::move(connection)),
      setting_(setting),
      reader_(connection_->transport, setting.buffers),
      writer_(connection_->transport, setting.buffers, {Failure::sandbox_reset, Failure::stream_idle_timeout},
              setting.config->timeouts.stream_idle),
      trailers_(memory) {
  ++connection_->exchanges;
}

H1Upstream::~H1Upstream() {
  if (is_reusable()) {
    setting_.pool.keep(std::move(connection_), idle_for_);
  } else {
    setting_.pool.discard(std::move(connection_));
  }
}

bool H1Upstream::is_reusable() const {
  return is_final_read_ && idle_for_.count() > 0 && writer_.is_finished() && reader_.is_body_finished() &&
         !reader_.has_leftover() && !connection_->transport.is_readable() && !connection_->transport.is_aborted();
}

void H1Upstream::abort() { connection_->transport.abort(); }

Task<Result<void>> H1Upstream::send_head(const http::RequestHead& head, Flush flush) {
  is_head_request_ = head.method == "HEAD";
  upgrade_ = head.upgrade;
  h1::HeadText& text = writer_.text();
  http::write_request_line(text, head.method, head.target);
  http::write_field(text, "Host", head.authority);
  http::write_fields(text, head.fields);
  write_framing(head);
  write_connection_fields(head);
  text.append("\r\n");
  return flush == Flush::now ? writer_.flush() : done();
}

/// A body whose end nobody knows yet (HTTP/2 without Content-Length) is sent in chunks.
void H1Upstream::write_framing(const http::RequestHead& head) {
  const bool is_open_ended = head.body.kind == BodyLength::Kind::until_end;
  const BodyLength body = is_open_ended ? BodyLength{BodyLength::Kind::chunked} : head.body;
  http::write_framing(writer_.text(), body);
  const bool says_length = body.kind != BodyLength::Kind::none || head.fields.find("content-length") != nullptr;
  if (!says_length && expects_length(head.method)) writer_.text().append("Content-Length: 0\r\n");
  writer_.begin_body(body);
}

void H1Upstream::write_connection_fields(const http::RequestHead& head) {
  h1::HeadText& text = writer_.text();
  if (head.upgrade.empty()) {
    if (head.fields.find("te") != nullptr) http::write_field(text, "Connection", "TE");  // RFC 9110 10.1.4
    return;
  }
  http::write_field(text, "Connection", "upgrade");
  http::write_field(text, "Upgrade", head.upgrade);
  if (head.version != http::Version::http_2) return;
  websocket_key_ = http::WebSocketKey::make();
  http::write_field(text, "Sec-WebSocket-Key", websocket_key_->text());
}

/// Whose key it is checks the answer (contract 5).
bool H1Upstream::is_switch_valid(const http::ResponseHead& head) const {
  return !websocket_key_ || websocket_key_->is_answered_by(head.fields.value("sec-websocket-accept"));
}

bool H1Upstream::count_interim(std::size_t bytes) {
  interim_bytes_ += bytes;
  return ++interim_count_ <= kMaxInterim && interim_bytes_ <= kMaxInterimBytes;
}

Task<Result<void>> H1Upstream::read_head(http::ResponseHead& head) {
  const config::Config& config = *setting_.config;
  const TimePoint deadline = after(connection_->transport.loop().now(), config.timeouts.response_head);
  const std::size_t max_bytes = config.limits.response_head_bytes.count;
  const h1::HeadBlock block = co_await reader_.read_head(max_bytes, deadline, "HTTP/1.");
  has_received_ = has_received_ || !block.bytes.empty();
  switch (block.status) {
    case h1::HeadStatus::complete:
      break;
    case h1::HeadStatus::malformed:
    case h1::HeadStatus::too_large:
      co_return Failure::response_invalid;
    case h1::HeadStatus::timed_out:
      co_return Failure::response_timeout;
    case h1::HeadStatus::closed:
    case h1::HeadStatus::truncated:
    case h1::HeadStatus::broken:
      co_return Failure::sandbox_reset;
  }
  const http::HeadLimits limits{max_bytes, config.limits.response_head_fields, 0};
  const http::ResponseContext context{is_head_request_, upgrade_};
  head.fields.reserve(kUsualFields);
  const Result<void> parsed = http::parse_response(block.bytes, limits, context, head);
  if (parsed.has_error()) co_return parsed;
  if (head.is_interim()) {
    co_return count_interim(block.bytes.size()) ? Result<void>{} : Result<void>(Failure::response_invalid);
  }
  is_final_read_ = true;
  reader_.begin_body(head.body);
  if (head.status == 101) {
    if (!is_switch_valid(head)) co_return Failure::response_invalid;
    writer_.begin_tunnel();
  } else {
    note_keep_alive(head);
  }
  co_return Result<void>{};
}

void H1Upstream::note_keep_alive(const http::ResponseHead& head) {
  if (!head.keep_alive) return;
  idle_for_ = setting_.config->timeouts.sandbox_idle;
  const auto said = keep_alive_timeout(head.fields.value("keep-alive"));
  if (said) idle_for_ = std::min<std::chrono::milliseconds>(idle_for_, *said - std::chrono::seconds(1));
}

Task<Result<Part>> H1Upstream::read() {
  h1::BodyRead read = co_await reader_.read_body(kNever);  // The relay's stream_idle counts.
  if (read.status != h1::BodyStatus::part) co_return Failure::sandbox_truncated;
  if (read.part.trailers != nullptr) {
    http::rewrite_response_trailers(*read.part.trailers, setting_.config->access.token_header, trailers_);
    read.part.trailers = trailers_.empty() ? nullptr : &trailers_;
  }
  co_return read.part;
}

}  // namespace sandgate::proxy::upstream

#include <proxy/http/rewrite.hpp>
#include <proxy/upstream/h2_upstream.hpp>

namespace sandgate::proxy::upstream {
namespace {

// As for HTTP/1 (hardening R-1XX).
constexpr int kMaxInterim = 16;
constexpr std::size_t kMaxInterimBytes = 16 * 1024;

h2::Stream::Setting stream_setting(const config::Config& config) {
  const config::Limits& limits = config.limits;
  return {Failure::sandbox_truncated, Failure::stream_idle_timeout, config.timeouts.stream_idle,
          http::H2HeadSize(limits.response_head_bytes.count, limits.response_head_fields)};
}

}  // namespace

H2Upstream::H2Upstream(H2Link& link, std::shared_ptr<const config::Config> config, std::pmr::memory_resource* memory)
    : Stream(link.connection(), stream_setting(*config), memory),
      link_(link),
      config_(std::move(config)),
      memory_(memory),
      heads_(memory),
      passed_trailers_(memory),
      head_ready_(link.connection().loop()),
      is_reused_(link.has_carried()) {
  link.add(*this);
}

H2Upstream::~H2Upstream() {
  if (is_open() && !is_over() && !(is_sent() && is_received())) abort();
  link_.remove(*this);
}

void H2Upstream::abort() {
  if (is_open()) reset(h2::ErrorCode::cancel);
  closed(h2::ErrorCode::cancel);
  connection().flush();
}

Task<Result<void>> H2Upstream::send_head(const http::RequestHead& head, Flush flush) {
  if (is_over()) co_return Failure::sandbox_reset;
  is_head_request_ = head.method == "HEAD";
  const auto id = connection().codec().request(head, *this);
  if (!id) co_return Failure::sandbox_reset;
  open(*id);
  if (head.body.kind == http::BodyLength::Kind::none) sends_nothing_more();
  if (flush == Flush::now) connection().flush();
  co_return Result<void>{};
}

void H2Upstream::take_field(std::string_view name, std::string_view value) {
  has_received_ = true;
  if (!reader_) {
    const config::Limits& limits = config_->limits;
    heads_.emplace_back(memory_);
    reader_.emplace(limits.response_head_bytes.count, limits.response_head_fields, memory_, heads_.back());
  }
  reader_->take(name, value);
  head_bytes_ += name.size() + value.size();
}

bool H2Upstream::count_interim() {
  interim_bytes_ += head_bytes_;
  return ++interim_count_ <= kMaxInterim && interim_bytes_ <= kMaxInterimBytes;
}

bool H2Upstream::take_head_end(bool is_last) {
  has_received_ = true;
  const bool is_valid = reader_ && reader_->finish(is_head_request_, is_last).has_value();
  reader_.reset();
  head_ready_.set();
  is_invalid_ = !is_valid || (heads_.back().is_interim() && (is_last || !count_interim()));
  head_bytes_ = 0;
  if (is_invalid_) reset(h2::ErrorCode::protocol_error);
  return is_invalid_ || !heads_.back().is_interim();
}

void H2Upstream::broken(h2::ErrorCode /*why*/) { head_ready_.set(); }

Task<Result<void>> H2Upstream::read_head(http::ResponseHead& head) {
  const TimePoint deadline = after(connection().loop().now(), config_->timeouts.response_head);
  for (;;) {
    if (is_invalid_ || is_malformed()) co_return Failure::response_invalid;
    if (heads_.size() > (reader_ ? 1U : 0U)) break;
    if (is_over()) co_return Failure::sandbox_reset;
    const bool was_told = co_await head_ready_.wait(deadline);
    if (!was_told) co_return Failure::response_timeout;
  }
  head = std::move(heads_.front());
  heads_.pop_front();
  co_return Result<void>{};
}

Task<Result<Part>> H2Upstream::read() {
  Result<Part> part = co_await Stream::read();
  if (part.has_error() || part->trailers == nullptr) co_return part;
  http::rewrite_response_trailers(*part->trailers, config_->access.token_header, passed_trailers_);
  part->trailers = passed_trailers_.empty() ? nullptr : &passed_trailers_;
  co_return part;
}

}  // namespace sandgate::proxy::upstream

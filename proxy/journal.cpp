#include <proxy/journal.hpp>

namespace sandgate::proxy {
namespace {

std::string_view protocol_name(http::Version version) {
  switch (version) {
    case http::Version::http_1_0:
      return "HTTP/1.0";
    case http::Version::http_1_1:
      return "HTTP/1.1";
    case http::Version::http_2:
      return "HTTP/2";
  }
  return "";
}

ProtocolLabel protocol_label(http::Version version) {
  return version == http::Version::http_2 ? ProtocolLabel::http2 : ProtocolLabel::http1;
}

}  // namespace

Journal::Journal(const Books& books, Exchange& exchange) : books_(books), exchange_(exchange) {
  books_.metrics.active_exchanges.add();
}

Journal::~Journal() {
  if (is_finished_) return;
  if (!exchange_.is_head_sent()) traffic.status = 0;
  finish(Failure::overloaded);
}

AccessRecord Journal::record(std::optional<Failure> failure) const {
  const http::RequestHead& request = exchange_.request();
  AccessRecord record;
  record.time = std::chrono::system_clock::now();
  record.request_id = request_id;
  record.client = exchange_.client().address_text;
  record.protocol = protocol_name(request.version);
  record.tls = exchange_.client().tls_version;
  record.method = request.method;
  record.authority = request.authority;
  record.target = request.target;
  if (target) {
    record.sandbox = target->id.view();
    record.port = target->port;
  }
  record.status = traffic.status;
  record.failure = failure;
  record.bytes_up = traffic.bytes_up;
  record.bytes_down = traffic.bytes_down;
  record.duration = Clock::now() - exchange_.started_at();
  record.lookup = lookup;
  record.connect = connect;
  if (traffic.first_byte_at) record.first_byte = *traffic.first_byte_at - exchange_.started_at();
  record.reused = reused;
  record.upstream = upstream;
  record.user_agent = request.fields.value("user-agent");
  return record;
}

void Journal::count(const AccessRecord& record) {
  Metrics& metrics = books_.metrics;
  const std::size_t outcome = record.failure ? static_cast<std::size_t>(*record.failure) + 1 : 0;
  metrics.exchanges[outcome][static_cast<std::size_t>(protocol_label(exchange_.request().version))].add();
  metrics.responses[record.status / 100 % metrics.responses.size()].add();
  metrics.bytes_up.add(record.bytes_up);
  metrics.bytes_down.add(record.bytes_down);
  metrics.exchange_duration.observe(record.duration);
  if (record.first_byte.count() >= 0) metrics.first_byte.observe(record.first_byte);
  metrics.active_exchanges.subtract();
}

void Journal::finish(std::optional<Failure> failure) {
  is_finished_ = true;
  const AccessRecord line = record(failure);
  count(line);
  if (usage) {
    usage->bytes_up.fetch_add(line.bytes_up, std::memory_order_relaxed);
    usage->bytes_down.fetch_add(line.bytes_down, std::memory_order_relaxed);
    const auto unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(line.time.time_since_epoch()).count();
    usage->last_use_unix_ms.store(unix_ms, std::memory_order_relaxed);
  }
  if (books_.log != nullptr) log(line);
}

void Journal::log(const AccessRecord& line) {
  const bool is_malformed = exchange_.parse_failure().has_value();
  if (is_malformed && !books_.log->may_complain_about(exchange_.client().address, books_.loop.now())) {
    books_.metrics.log_floods.add();
  } else if (!books_.log->write(line)) {
    books_.metrics.log_drops.add();
  }
}

}  // namespace sandgate::proxy

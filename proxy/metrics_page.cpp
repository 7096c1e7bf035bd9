#include <proxy/metrics.hpp>
#include <proxy/process_metrics.hpp>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

namespace sandgate::proxy {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// The values of each label, in the order of its enum.
constexpr std::array<const char*, 2> kProtocols{"http1", "http2"};
constexpr std::array<const char*, 3> kHandshakeResults{"ok", "failed", "timeout"};
constexpr std::array<const char*, 3> kTlsVersions{"none", "TLSv1.2", "TLSv1.3"};
constexpr std::array<const char*, 2> kBooleans{"false", "true"};

struct Heading {
  const char* name;
  const char* help;
  MetricType type;
};

template <std::size_t N>
struct LabelSet {
  const char* name;
  std::array<const char*, N> values;
};

void add_row(MetricFamily& family, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

/// The families so far, and the sums over all workers they are made of.
class Page {
 public:
  explicit Page(const std::vector<const Metrics*>& workers) : workers_(workers) {}

  /// `count(metrics)` gives one worker's Counter. A gauge may be lowered by another worker than the one that raised it,
  /// so the sum is taken modulo 2^64 and then read as signed.
  template <class Count>
  double sum(Count count) const {
    std::uint64_t total = 0;
    for (const Metrics* metrics : workers_) total += count(*metrics).value();
    return static_cast<double>(static_cast<std::int64_t>(total));
  }

  MetricFamily& family(const Heading& heading) {
    return families_.emplace_back(MetricFamily{heading.name, heading.help, heading.type, {}});
  }

  void value(const Heading& heading, double value) { add_row(family(heading), {}, value); }

  void value(const Heading& heading, Counter Metrics::*counter) {
    value(heading, sum([=](const Metrics& metrics) -> const Counter& { return metrics.*counter; }));
  }

  template <std::size_t N>
  void values(const Heading& heading, std::array<Counter, N> Metrics::*counters, const LabelSet<N>& label) {
    MetricFamily& rows = family(heading);
    for (std::size_t i = 0; i < N; ++i) {
      const auto counter = [=](const Metrics& metrics) -> const Counter& { return (metrics.*counters)[i]; };
      add_row(rows, {{label.name, label.values[i]}}, sum(counter));
    }
  }

  void histogram(const Heading& heading, DurationHistogram Metrics::*durations);

  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  const std::vector<const Metrics*>& workers_;
  std::vector<MetricFamily> families_;
};

void Page::histogram(const Heading& heading, DurationHistogram Metrics::*durations) {
  constexpr auto& kBounds = DurationHistogram::kBoundsSeconds;
  ClientMetric metric;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= kBounds.size(); ++i) {
    for (const Metrics* metrics : workers_) count += (metrics->*durations).bucket(i);
    metric.histogram.bucket.push_back(
        {count, i < kBounds.size() ? kBounds[i] : std::numeric_limits<double>::infinity()});
  }
  std::uint64_t microseconds = 0;
  for (const Metrics* metrics : workers_) microseconds += (metrics->*durations).sum_microseconds();
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = static_cast<double>(microseconds) / 1e6;
  family(heading).metric.push_back(std::move(metric));
}

void add_exchanges(Page& page) {
  MetricFamily& rows =
      page.family({"sandgate_exchanges_total", "Exchanges that ended, by how they ended and whose doing that was.",
                   MetricType::Counter});
  for (std::size_t outcome = 0; outcome < Metrics::kOutcomes; ++outcome) {
    const bool is_ok = outcome == 0;
    const auto failure = static_cast<Failure>(is_ok ? 0 : outcome - 1);
    const std::string name(is_ok ? "ok" : label(failure));
    const std::string blame(label(is_ok ? Blame::none : row(failure).blame));
    for (std::size_t protocol = 0; protocol < kProtocols.size(); ++protocol) {
      const auto counter = [=](const Metrics& m) -> const Counter& { return m.exchanges[outcome][protocol]; };
      add_row(rows, {{"outcome", name}, {"blame", blame}, {"protocol", kProtocols[protocol]}}, page.sum(counter));
    }
  }
}

void add_responses(Page& page) {
  MetricFamily& rows =
      page.family({"sandgate_responses_total",
                   "Responses sent to clients, by class of status; 1xx are the tunnels opened.", MetricType::Counter});
  for (std::size_t hundreds = 1; hundreds <= 5; ++hundreds) {
    const auto counter = [=](const Metrics& m) -> const Counter& { return m.responses[hundreds]; };
    add_row(rows, {{"code_class", std::to_string(hundreds) + "xx"}}, page.sum(counter));
  }
}

/// Rows that make sense from the start: a handshake that did not end well usually has no version yet. Others appear
/// once they have happened.
void add_handshakes(Page& page) {
  MetricFamily& rows =
      page.family({"sandgate_tls_handshakes_total", "TLS handshakes with clients that ended.", MetricType::Counter});
  for (std::size_t result = 0; result < kHandshakeResults.size(); ++result) {
    for (std::size_t version = 0; version < kTlsVersions.size(); ++version) {
      for (std::size_t resumed = 0; resumed < kBooleans.size(); ++resumed) {
        const auto counter = [=](const Metrics& m) -> const Counter& { return m.handshakes[result][version][resumed]; };
        const double count = page.sum(counter);
        const bool is_ok = static_cast<HandshakeResult>(result) == HandshakeResult::ok;
        const bool has_version = static_cast<TlsLabel>(version) != TlsLabel::none;
        const bool is_expected = is_ok ? has_version : !has_version && resumed == 0;
        if (!is_expected && count == 0) continue;
        add_row(rows,
                {{"result", kHandshakeResults[result]},
                 {"version", kTlsVersions[version]},
                 {"resumed", kBooleans[resumed]}},
                count);
      }
    }
  }
}

/// One series a name: two certificates of one name (RSA and ECDSA, say) show the earlier end, because a series given
/// twice makes Prometheus refuse the whole page.
void add_certificates(Page& page, const ProcessFigures& figures) {
  std::map<std::string_view, std::int64_t> earliest;
  for (const auto& certificate : figures.certificates) {
    const auto [at, is_new] = earliest.emplace(certificate.name, certificate.not_after_unix);
    if (!is_new) at->second = std::min(at->second, certificate.not_after_unix);
  }
  MetricFamily& rows = page.family({"sandgate_tls_certificate_expiry_timestamp_seconds",
                                    "When the certificate ends, in seconds since 1970.", MetricType::Gauge});
  for (const auto& [name, not_after] : earliest) {
    add_row(rows, {{"name", std::string(name)}}, static_cast<double>(not_after));
  }
}

void add_traffic(Page& page) {
  add_exchanges(page);
  page.histogram({"sandgate_exchange_duration_seconds", "From the request's first byte to the end of the exchange.",
                  MetricType::Histogram},
                 &Metrics::exchange_duration);
  page.histogram({"sandgate_first_byte_seconds", "From the request's first byte to the head of the sandbox's response.",
                  MetricType::Histogram},
                 &Metrics::first_byte);
  add_responses(page);
  page.value({"sandgate_active_exchanges", "Exchanges under way, tunnels included.", MetricType::Gauge},
             &Metrics::active_exchanges);
  page.value({"sandgate_active_tunnels", "WebSocket and other upgraded connections open.", MetricType::Gauge},
             &Metrics::active_tunnels);
  MetricFamily& bytes = page.family(
      {"sandgate_bytes_total", "Body and tunnel bytes relayed; up is from client to sandbox.", MetricType::Counter});
  add_row(bytes, {{"direction", "up"}}, page.sum([](const Metrics& m) -> const Counter& { return m.bytes_up; }));
  add_row(bytes, {{"direction", "down"}}, page.sum([](const Metrics& m) -> const Counter& { return m.bytes_down; }));
}

void add_connections(Page& page, const ProcessFigures& figures) {
  page.values({"sandgate_client_connections", "Client connections open.", MetricType::Gauge},
              &Metrics::client_connections, {"state", {"handshaking", "idle", "active"}});
  add_handshakes(page);
  add_certificates(page, figures);
  page.values({"sandgate_upstream_connections", "Connections to sandboxes open.", MetricType::Gauge},
              &Metrics::upstream_connections, {"state", {"connecting", "idle", "active"}});
  page.values({"sandgate_upstream_reuse_total", "Exchanges sent to a sandbox, by whether the connection was there.",
               MetricType::Counter},
              &Metrics::upstream_reuse, {"reused", kBooleans});
  page.histogram({"sandgate_connect_duration_seconds",
                  "From the first try to connect to a sandbox to the connection; failures are outcomes of exchanges.",
                  MetricType::Histogram},
                 &Metrics::connect_duration);
}

void add_decisions(Page& page) {
  page.values(
      {"sandgate_access_decisions_total", "Requests by the answer of the sandbox's access rules.", MetricType::Counter},
      &Metrics::access, {"result", {"permit", "token_missing", "token_invalid"}});
  page.values(
      {"sandgate_limit_rejections_total", "Requests and connections refused or ended by a limit.", MetricType::Counter},
      &Metrics::limits,
      {"limit",
       {"connections", "connections_per_client", "connections_per_sandbox", "head_bytes", "target_bytes", "open_files",
        "handshakes", "handshakes_per_client", "memory", "h2_resets", "h2_settings", "h2_pings", "h2_control_frames",
        "h2_empty_frames", "h2_continuations", "h2_streams", "h2_stalled_streams"}});
}

void add_registry(Page& page, const ProcessFigures& figures) {
  page.values({"sandgate_registry_lookups_total", "Lookups of a sandbox by id.", MetricType::Counter},
              &Metrics::lookups, {"result", {"found", "not_found", "invalid", "unavailable"}});
  page.value({"sandgate_registry_stale_lookups_total",
              "Lookups answered from what was known before the registry's source went away.", MetricType::Counter},
             &Metrics::stale_lookups);
  const std::array<Heading, 4> of_source{{
      {"sandgate_registry_source_requests_total", "Records asked of the registry's source for want of one in memory.",
       MetricType::Counter},
      {"sandgate_registry_invalidations_total", "Changes the registry's source told of.", MetricType::Counter},
      {"sandgate_registry_evictions_total", "Records dropped from memory to make room for others.",
       MetricType::Counter},
      {"sandgate_registry_source_failures_total",
       "Requests to the registry's source that failed, and what it sent that made no sense.", MetricType::Counter},
  }};
  for (std::size_t i = 0; i < of_source.size(); ++i) {
    page.value(of_source[i], static_cast<double>(figures.registry_source[i]));
  }
  MetricFamily& routes = page.family(
      {"sandgate_registry_routes", "Sandboxes in the table; invalid ones answer record_invalid.", MetricType::Gauge});
  add_row(routes, {{"state", "valid"}}, static_cast<double>(figures.routes_valid));
  add_row(routes, {{"state", "invalid"}}, static_cast<double>(figures.routes_invalid));
  MetricFamily& updates = page.family(
      {"sandgate_registry_updates_total", "Changes that came from the registry's source.", MetricType::Counter});
  constexpr std::array<const char*, 3> kKinds{"put", "remove", "reload"};
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    add_row(updates, {{"kind", kKinds[i]}}, static_cast<double>(figures.registry_updates[i]));
  }
  page.value({"sandgate_registry_invalid_records",
              "Records that do not parse now, those whose id cannot be one included.", MetricType::Gauge},
             static_cast<double>(figures.invalid_records));
  page.value({"sandgate_registry_age_seconds", "Since the table was last known to be what the source holds.",
              MetricType::Gauge},
             figures.registry_age_seconds);
}

void add_process(Page& page, const ProcessFigures& figures) {
  MetricFamily& reloads =
      page.family({"sandgate_config_reloads_total",
                   "Reloads of the configuration; a failed one left the old one in force.", MetricType::Counter});
  add_row(reloads, {{"result", "ok"}}, static_cast<double>(figures.reloads_ok));
  add_row(reloads, {{"result", "failed"}}, static_cast<double>(figures.reloads_failed));
  page.value({"sandgate_draining", "1 while the edge drains.", MetricType::Gauge}, figures.draining ? 1 : 0);
  MetricFamily& drops = page.family(
      {"sandgate_access_log_dropped_total",
       "Access log lines lost: a worker's ring was full, writing failed, or one client's malformed requests "
       "had lines enough.",
       MetricType::Counter});
  add_row(drops, {{"reason", "ring_full"}}, page.sum([](const Metrics& m) -> const Counter& { return m.log_drops; }));
  add_row(drops, {{"reason", "client_flood"}},
          page.sum([](const Metrics& m) -> const Counter& { return m.log_floods; }));
  add_row(drops, {{"reason", "write_failed"}}, static_cast<double>(figures.log_lines_lost));
  add_row(page.family({"sandgate_build_info", "Always 1; says which version runs.", MetricType::Gauge}),
          {{"version", SANDGATE_VERSION}}, 1);
}

}  // namespace

std::string render_metrics(const std::vector<const Metrics*>& workers, const ProcessFigures& figures) {
  Page page(workers);
  add_traffic(page);
  add_connections(page, figures);
  add_decisions(page);
  add_registry(page, figures);
  add_process(page, figures);
  std::vector<MetricFamily> families = page.take();
  std::vector<MetricFamily> process = process_metrics();
  std::move(process.begin(), process.end(), std::back_inserter(families));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace sandgate::proxy

#include <proxy/metrics.hpp>

#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace sandgate::proxy {
namespace {

std::string page_of(const Metrics& metrics) { return render_metrics({&metrics}, {}); }

/// The value of the sample that is written exactly so; nothing when there is none.
std::string sample(const std::string& page, const std::string& series) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(series + " ")) return line.substr(series.size() + 1);
  }
  return "";
}

std::size_t count_samples(const std::string& page, const std::string& prefix) {
  std::istringstream lines(page);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.starts_with(prefix) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("metrics: every family of the interface is there before the first request", "[metrics]") {
  const std::string page = render_metrics({}, {});
  const auto [name, type] = GENERATE(table<std::string, std::string>({
      {"sandgate_exchanges_total", "counter"},
      {"sandgate_exchange_duration_seconds", "histogram"},
      {"sandgate_responses_total", "counter"},
      {"sandgate_first_byte_seconds", "histogram"},
      {"sandgate_active_exchanges", "gauge"},
      {"sandgate_active_tunnels", "gauge"},
      {"sandgate_connect_duration_seconds", "histogram"},
      {"sandgate_client_connections", "gauge"},
      {"sandgate_bytes_total", "counter"},
      {"sandgate_tls_handshakes_total", "counter"},
      {"sandgate_tls_certificate_expiry_timestamp_seconds", "gauge"},
      {"sandgate_upstream_connections", "gauge"},
      {"sandgate_upstream_reuse_total", "counter"},
      {"sandgate_registry_lookups_total", "counter"},
      {"sandgate_registry_routes", "gauge"},
      {"sandgate_registry_updates_total", "counter"},
      {"sandgate_registry_invalid_records", "gauge"},
      {"sandgate_registry_age_seconds", "gauge"},
      {"sandgate_access_decisions_total", "counter"},
      {"sandgate_limit_rejections_total", "counter"},
      {"sandgate_access_log_dropped_total", "counter"},
      {"sandgate_config_reloads_total", "counter"},
      {"sandgate_draining", "gauge"},
      {"sandgate_build_info", "gauge"},
      {"process_cpu_seconds_total", "counter"},
      {"process_resident_memory_bytes", "gauge"},
      {"process_virtual_memory_bytes", "gauge"},
      {"process_open_fds", "gauge"},
      {"process_max_fds", "gauge"},
      {"process_start_time_seconds", "gauge"},
      {"process_threads", "gauge"},
  }));
  CHECK_THAT(page, Catch::Contains("# HELP " + name + " "));
  CHECK_THAT(page, Catch::Contains("# TYPE " + name + " " + type + "\n"));
}

TEST_CASE("metrics: each label value shows the counter of its own enumerator", "[metrics]") {
  Metrics metrics;
  const auto at = [](auto enumerator) { return static_cast<std::size_t>(enumerator); };
  const std::vector<std::pair<Counter*, std::string>> rows{
      {&metrics.client_connections[at(ClientState::handshaking)], R"(client_connections{state="handshaking"})"},
      {&metrics.client_connections[at(ClientState::idle)], R"(client_connections{state="idle"})"},
      {&metrics.client_connections[at(ClientState::active)], R"(client_connections{state="active"})"},
      {&metrics.upstream_connections[at(UpstreamState::connecting)], R"(upstream_connections{state="connecting"})"},
      {&metrics.upstream_connections[at(UpstreamState::idle)], R"(upstream_connections{state="idle"})"},
      {&metrics.upstream_connections[at(UpstreamState::active)], R"(upstream_connections{state="active"})"},
      {&metrics.upstream_reuse[0], R"(upstream_reuse_total{reused="false"})"},
      {&metrics.upstream_reuse[1], R"(upstream_reuse_total{reused="true"})"},
      {&metrics.lookups[at(LookupLabel::found)], R"(registry_lookups_total{result="found"})"},
      {&metrics.lookups[at(LookupLabel::not_found)], R"(registry_lookups_total{result="not_found"})"},
      {&metrics.lookups[at(LookupLabel::invalid)], R"(registry_lookups_total{result="invalid"})"},
      {&metrics.lookups[at(LookupLabel::unavailable)], R"(registry_lookups_total{result="unavailable"})"},
      {&metrics.access[at(AccessLabel::permit)], R"(access_decisions_total{result="permit"})"},
      {&metrics.access[at(AccessLabel::token_missing)], R"(access_decisions_total{result="token_missing"})"},
      {&metrics.access[at(AccessLabel::token_invalid)], R"(access_decisions_total{result="token_invalid"})"},
      {&metrics.limits[at(LimitLabel::connections)], R"(limit_rejections_total{limit="connections"})"},
      {&metrics.limits[at(LimitLabel::connections_per_client)],
       R"(limit_rejections_total{limit="connections_per_client"})"},
      {&metrics.limits[at(LimitLabel::connections_per_sandbox)],
       R"(limit_rejections_total{limit="connections_per_sandbox"})"},
      {&metrics.limits[at(LimitLabel::head_bytes)], R"(limit_rejections_total{limit="head_bytes"})"},
      {&metrics.limits[at(LimitLabel::target_bytes)], R"(limit_rejections_total{limit="target_bytes"})"},
      {&metrics.limits[at(LimitLabel::open_files)], R"(limit_rejections_total{limit="open_files"})"},
      {&metrics.limits[at(LimitLabel::handshakes)], R"(limit_rejections_total{limit="handshakes"})"},
      {&metrics.limits[at(LimitLabel::handshakes_per_client)],
       R"(limit_rejections_total{limit="handshakes_per_client"})"},
      {&metrics.limits[at(LimitLabel::memory)], R"(limit_rejections_total{limit="memory"})"},
      {&metrics.handshakes[at(HandshakeResult::ok)][at(TlsLabel::tls_1_2)][0],
       R"(tls_handshakes_total{result="ok",version="TLSv1.2",resumed="false"})"},
      {&metrics.handshakes[at(HandshakeResult::ok)][at(TlsLabel::tls_1_3)][1],
       R"(tls_handshakes_total{result="ok",version="TLSv1.3",resumed="true"})"},
      {&metrics.handshakes[at(HandshakeResult::failed)][at(TlsLabel::none)][0],
       R"(tls_handshakes_total{result="failed",version="none",resumed="false"})"},
      {&metrics.handshakes[at(HandshakeResult::timeout)][at(TlsLabel::none)][0],
       R"(tls_handshakes_total{result="timeout",version="none",resumed="false"})"},
      {&metrics.bytes_up, R"(bytes_total{direction="up"})"},
      {&metrics.bytes_down, R"(bytes_total{direction="down"})"},
      {&metrics.log_drops, R"(access_log_dropped_total{reason="ring_full"})"},
      {&metrics.log_floods, R"(access_log_dropped_total{reason="client_flood"})"},
      {&metrics.active_exchanges, "active_exchanges"},
      {&metrics.active_tunnels, "active_tunnels"},
      {&metrics.responses[1], R"(responses_total{code_class="1xx"})"},
      {&metrics.responses[5], R"(responses_total{code_class="5xx"})"},
  };
  const std::string before = page_of(metrics);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].first->add(i + 1);
  const std::string after = page_of(metrics);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    INFO(rows[i].second);
    CHECK(sample(before, "sandgate_" + rows[i].second) == "0");
    CHECK(sample(after, "sandgate_" + rows[i].second) == std::to_string(i + 1));
  }
}

TEST_CASE("metrics: exchanges have one row for every outcome and protocol, blame from the failure table", "[metrics]") {
  Metrics metrics;
  metrics.exchanges[0][static_cast<std::size_t>(ProtocolLabel::http2)].add(7);
  for (std::size_t i = 0; i < kFailureCount; ++i) metrics.exchanges[i + 1][0].add(100 + i);
  const std::string page = page_of(metrics);
  CHECK(count_samples(page, "sandgate_exchanges_total{") == Metrics::kOutcomes * 2);
  CHECK(sample(page, R"(sandgate_exchanges_total{outcome="ok",blame="none",protocol="http1"})") == "0");
  CHECK(sample(page, R"(sandgate_exchanges_total{outcome="ok",blame="none",protocol="http2"})") == "7");
  for (std::size_t i = 0; i < kFailureCount; ++i) {
    const auto failure = static_cast<Failure>(i);
    const std::string series = "sandgate_exchanges_total{outcome=\"" + std::string(label(failure)) + "\",blame=\"" +
                               std::string(label(row(failure).blame)) + "\",protocol=\"http1\"}";
    INFO(series);
    CHECK(sample(page, series) == std::to_string(100 + i));
  }
}

TEST_CASE("metrics: the page sums the workers", "[metrics]") {
  Metrics first;
  Metrics second;
  first.bytes_up.add(40);
  second.bytes_up.add(2);
  const std::string page = render_metrics({&first, &second}, {});
  CHECK(sample(page, R"(sandgate_bytes_total{direction="up"})") == "42");
}

TEST_CASE("metrics: a gauge raised by one worker and lowered by another ends at zero", "[metrics]") {
  Metrics first;
  Metrics second;
  first.active_tunnels.add(3);
  second.active_tunnels.subtract(2);
  CHECK(sample(render_metrics({&first, &second}, {}), "sandgate_active_tunnels") == "1");
  second.active_tunnels.subtract();
  CHECK(sample(render_metrics({&first, &second}, {}), "sandgate_active_tunnels") == "0");
}

TEST_CASE("metrics: a duration falls into the first bucket whose bound is not below it", "[metrics]") {
  const auto [duration, bucket] = GENERATE(table<std::chrono::nanoseconds, std::size_t>({
      {-1ns, 0},
      {0ns, 0},
      {500us, 0},
      {500'001ns, 1},
      {5ms, 3},
      {1s, 10},
      {600s, 15},
      {601s, 16},
  }));
  DurationHistogram histogram;
  histogram.observe(duration);
  for (std::size_t i = 0; i <= DurationHistogram::kBoundsSeconds.size(); ++i) {
    CHECK(histogram.bucket(i) == (i == bucket ? 1U : 0U));
  }
}

TEST_CASE("metrics: buckets are cumulative over all workers, and count and sum agree with them", "[metrics]") {
  Metrics first;
  Metrics second;
  first.first_byte.observe(2ms);
  second.first_byte.observe(2ms);
  second.first_byte.observe(20ms);
  second.first_byte.observe(1h);
  const std::string page = render_metrics({&first, &second}, {});
  CHECK(sample(page, R"(sandgate_first_byte_seconds_bucket{le="0.001"})") == "0");
  CHECK(sample(page, R"(sandgate_first_byte_seconds_bucket{le="0.0025"})") == "2");
  CHECK(sample(page, R"(sandgate_first_byte_seconds_bucket{le="0.025"})") == "3");
  CHECK(sample(page, R"(sandgate_first_byte_seconds_bucket{le="600"})") == "3");
  CHECK(sample(page, R"(sandgate_first_byte_seconds_bucket{le="+Inf"})") == "4");
  CHECK(sample(page, "sandgate_first_byte_seconds_count") == "4");
  CHECK(std::stod(sample(page, "sandgate_first_byte_seconds_sum")) == Approx(3600.024));
}

TEST_CASE("metrics: the figures of the process are shown", "[metrics]") {
  ProcessFigures figures;
  figures.routes_valid = 1'000'000;
  figures.routes_invalid = 2;
  figures.invalid_records = 3;
  figures.registry_updates = {4, 5, 6};
  figures.registry_age_seconds = 0.25;
  figures.reloads_ok = 7;
  figures.reloads_failed = 8;
  figures.draining = true;
  figures.log_lines_lost = 9;
  const std::string page = render_metrics({}, figures);
  CHECK(sample(page, R"(sandgate_registry_routes{state="valid"})") == "1000000");
  CHECK(sample(page, R"(sandgate_registry_routes{state="invalid"})") == "2");
  CHECK(sample(page, "sandgate_registry_invalid_records") == "3");
  CHECK(sample(page, R"(sandgate_registry_updates_total{kind="put"})") == "4");
  CHECK(sample(page, R"(sandgate_registry_updates_total{kind="remove"})") == "5");
  CHECK(sample(page, R"(sandgate_registry_updates_total{kind="reload"})") == "6");
  CHECK(sample(page, "sandgate_registry_age_seconds") == "0.25");
  CHECK(sample(page, R"(sandgate_config_reloads_total{result="ok"})") == "7");
  CHECK(sample(page, R"(sandgate_config_reloads_total{result="failed"})") == "8");
  CHECK(sample(page, "sandgate_draining") == "1");
  CHECK(sample(page, R"(sandgate_access_log_dropped_total{reason="write_failed"})") == "9");
  CHECK(sample(page, R"(sandgate_build_info{version=")" SANDGATE_VERSION R"("})") == "1");
}

TEST_CASE("metrics: two certificates of one name are one series with the earlier end", "[metrics]") {
  ProcessFigures figures;
  figures.certificates = {{"*.sandbox.test", 1'800'000'000}, {"b.test", 5}, {"*.sandbox.test", 1'795'435'200}};
  const std::string page = render_metrics({}, figures);
  CHECK(sample(page, R"(sandgate_tls_certificate_expiry_timestamp_seconds{name="*.sandbox.test"})") == "1795435200");
  CHECK(count_samples(page, "sandgate_tls_certificate_expiry_timestamp_seconds{") == 2);
}

TEST_CASE("metrics: an unlikely handshake row appears once it has happened", "[metrics]") {
  Metrics metrics;
  const std::string series = R"(sandgate_tls_handshakes_total{result="failed",version="TLSv1.3",resumed="true"})";
  CHECK(sample(page_of(metrics), series).empty());
  metrics.handshakes[static_cast<std::size_t>(HandshakeResult::failed)][static_cast<std::size_t>(TlsLabel::tls_1_3)][1]
      .add();
  CHECK(sample(page_of(metrics), series) == "1");
}

TEST_CASE("metrics: no series is there twice", "[metrics]") {
  std::istringstream lines(render_metrics({}, {}));
  std::set<std::string> seen;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    const std::string series = line.substr(0, line.rfind(' '));
    INFO(series);
    CHECK(seen.insert(series).second);
  }
  CHECK(seen.size() > Metrics::kOutcomes);
}

TEST_CASE("metrics: the process figures are those of this process", "[metrics]") {
  const std::string page = render_metrics({}, {});
  CHECK(std::stod(sample(page, "process_resident_memory_bytes")) > 1e6);
  CHECK(std::stod(sample(page, "process_virtual_memory_bytes")) >=
        std::stod(sample(page, "process_resident_memory_bytes")));
  CHECK(std::stod(sample(page, "process_threads")) >= 1);
  CHECK(std::stod(sample(page, "process_max_fds")) > std::stod(sample(page, "process_open_fds")));
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const double started = std::stod(sample(page, "process_start_time_seconds"));
  CHECK(started <= now + 2);
  CHECK(started > now - 3600 * 24);

  const double before = std::stod(sample(page, "process_open_fds"));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/dev/null", "r"), &std::fclose);
  CHECK(std::stod(sample(render_metrics({}, {}), "process_open_fds")) == before + 1);
}

TEST_CASE("metrics: promtool finds nothing to say", "[metrics]") {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    WARN("promtool is not installed (Debian package prometheus)");
    return;
  }
  Metrics metrics;
  metrics.exchange_duration.observe(3ms);
  ProcessFigures figures;
  figures.certificates = {{"*.sandbox.test", 1'800'000'000}};
  std::FILE* tool = popen("promtool check metrics >&2", "w");
  REQUIRE(tool != nullptr);
  std::fputs(render_metrics({&metrics}, figures).c_str(), tool);
  CHECK(pclose(tool) == 0);
}

}  // namespace sandgate::proxy

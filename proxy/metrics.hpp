// metrics: what is counted (interface.md, "Metrics"), and the page that shows it.
//
// Every worker owns one Metrics and is its only writer: a count is a plain load and store of a relaxed atomic, no lock
// and no read-modify-write. The scrape, on the control thread, sums them. Labels are closed sets.
#pragma once

#include <proxy/base/failure.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sandgate::proxy {

/// Written by one thread, read by any.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// One more of what a gauge counts, while this lives.
class GaugeMark {
 public:
  explicit GaugeMark(Counter& gauge) : gauge_(gauge) { gauge_.add(); }
  ~GaugeMark() { gauge_.subtract(); }
  GaugeMark(const GaugeMark&) = delete;
  GaugeMark& operator=(const GaugeMark&) = delete;

 private:
  Counter& gauge_;
};

/// Durations in fixed buckets, 0.5 ms to 10 min; the last is +Inf.
class DurationHistogram {
 public:
  static constexpr std::array<double, 16> kBoundsSeconds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                         0.25,   0.5,   1,      2.5,   10,   60,    300,  600};
  void observe(std::chrono::nanoseconds duration);
  std::uint64_t bucket(std::size_t i) const { return buckets_[i].value(); }
  std::uint64_t sum_microseconds() const { return sum_us_.value(); }

 private:
  std::array<Counter, kBoundsSeconds.size() + 1> buckets_;
  Counter sum_us_;
};

enum class ProtocolLabel : std::uint8_t { http1, http2 };
enum class HandshakeResult : std::uint8_t { ok, failed, timeout };
enum class TlsLabel : std::uint8_t { none, tls_1_2, tls_1_3 };
enum class ClientState : std::uint8_t { handshaking, idle, active };
enum class UpstreamState : std::uint8_t { connecting, idle, active };
enum class LookupLabel : std::uint8_t { found, not_found, invalid, unavailable };
enum class AccessLabel : std::uint8_t { permit, token_missing, token_invalid };
enum class LimitLabel : std::uint8_t {
  connections,
  connections_per_client,
  connections_per_sandbox,
  head_bytes,  ///< Too many fields too.
  target_bytes,
  open_files,
  handshakes,  ///< How often accepting paused for them; those of the next are closed unheard.
  handshakes_per_client,
  memory,
  h2_resets,          ///< Streams reset, by either side (CVE-2023-44487, CVE-2025-8671).
  h2_settings,        ///< SETTINGS
  h2_pings,           ///< PING
  h2_control_frames,  ///< PRIORITY, WINDOW_UPDATE, frames of unknown types.
  h2_empty_frames,    ///< DATA without a byte.
  h2_continuations,   ///< CONTINUATIONs in a row.
  h2_streams,         ///< More exchanges at once than were advertised.
  h2_stalled_streams  ///< A window that was not opened for client_write.
};
inline constexpr std::size_t kLimitLabels = static_cast<std::size_t>(LimitLabel::h2_stalled_streams) + 1;

struct Metrics {
  static constexpr std::size_t kOutcomes = kFailureCount + 1;  ///< [0] is "ok", then the failures in order.

  std::array<std::array<Counter, 2>, kOutcomes> exchanges;  ///< [outcome][ProtocolLabel]
  std::array<Counter, 6> responses;                         ///< [status / 100]
  Counter active_exchanges;
  Counter active_tunnels;
  std::array<Counter, 3> client_connections;                        ///< [ClientState], a gauge
  std::array<std::array<std::array<Counter, 2>, 3>, 3> handshakes;  ///< [HandshakeResult][TlsLabel][resumed]
  std::array<Counter, 3> upstream_connections;                      ///< [UpstreamState], a gauge
  std::array<Counter, 2> upstream_reuse;                            ///< [reused]
  std::array<Counter, 4> lookups;                                   ///< [LookupLabel]
  Counter stale_lookups;                                            ///< Of those found.
  std::array<Counter, 3> access;                                    ///< [AccessLabel]
  std::array<Counter, kLimitLabels> limits;                         ///< [LimitLabel]
  Counter bytes_up;                                                 ///< Body bytes client -> sandbox.
  Counter bytes_down;
  Counter log_drops;   ///< Access log lines that did not fit.
  Counter log_floods;  ///< Those about malformed requests of clients that sent too many.
  DurationHistogram exchange_duration;
  DurationHistogram first_byte;
  DurationHistogram connect_duration;

  Counter& limit(LimitLabel label) { return limits[static_cast<std::size_t>(label)]; }
};

/// A limit's own count, beside the outcome; nothing for a failure that is no limit's, or that was counted where a
/// connection or a descriptor was refused.
void count_limit(Metrics& metrics, Failure failure);

/// What the page needs besides the workers' counts; asked at each scrape.
struct ProcessFigures {
  std::uint64_t routes_valid = 0;
  std::uint64_t routes_invalid = 0;
  std::uint64_t invalid_records = 0;                ///< Registry::invalid_records(): those with an unusable id too.
  std::array<std::uint64_t, 3> registry_updates{};  ///< put, remove, reload
  std::array<std::uint64_t, 4> registry_source{};   ///< requests, invalidations, evictions, failures
  double registry_age_seconds = 0;                  ///< Since the table was last known to be exact.
  std::uint64_t reloads_ok = 0;
  std::uint64_t reloads_failed = 0;
  bool draining = false;
  std::uint64_t log_lines_lost = 0;  ///< AccessLog::lost_lines().
  struct CertificateExpiry {
    std::string name;  ///< The certificate's first DNS name.
    std::int64_t not_after_unix = 0;
  };
  std::vector<CertificateExpiry> certificates;
};

/// The Prometheus text of everything, with HELP and TYPE (prometheus-cpp's serializer), process_* included. Every
/// series of a closed label set is there from the start, with 0, so that a rate can be taken of its first event.
std::string render_metrics(const std::vector<const Metrics*>& workers, const ProcessFigures& figures);

}  // namespace sandgate::proxy

// journal: what is known of one exchange, and the one place that logs and counts it, exactly once.
//
//   begin ──▶ (facts are noted as they become known) ──▶ finish: one log line, one outcome, gauges back
//
// One that is left without `finish`, by an exception, finishes itself as overloaded. Nothing here needs memory.
#pragma once

#include <proxy/access_log.hpp>
#include <proxy/exchange.hpp>
#include <proxy/metrics.hpp>
#include <proxy/relay.hpp>
#include <routing/authority.hpp>
#include <routing/route_table.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace sandgate::proxy {

class Journal {
 public:
  struct Books {
    Loop& loop;
    Metrics& metrics;
    AccessLogWriter* log;  ///< Null: no access log.
  };

  Journal(const Books& books, Exchange& exchange);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Facts, in the order they become known. Views must live as long as the exchange.
  std::string_view request_id;
  std::optional<routing::Target> target;
  std::string_view path;          ///< agent_route_reserved: the cleaned path.
  std::string_view refusal_text;  ///< bad_authority: its sentence.
  std::int64_t limit = 0;         ///< The limit that was hit.
  std::chrono::nanoseconds lookup{-1};
  std::chrono::nanoseconds connect{-1};
  std::string_view upstream;  ///< "10.0.0.7:8080"; empty: nothing was sent to any sandbox.
  bool reused = false;
  std::shared_ptr<routing::Usage> usage;
  Traffic traffic;

  void finish(std::optional<Failure> failure);

 private:
  AccessRecord record(std::optional<Failure> failure) const;
  void count(const AccessRecord& record);
  void log(const AccessRecord& line);

  Books books_;
  Exchange& exchange_;
  bool is_finished_ = false;
};

}  // namespace sandgate::proxy

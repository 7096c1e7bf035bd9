// serve: the life of a request. The page to read first.
//
//   parse → reserved agent routes → registry → access → limits → rewrite → connect → relay
//
// Nothing is sent to a sandbox before access has passed. Every stage gives what the next one needs, or a Failure; a
// failure before the response began becomes one refusal, after it an abort. Every path is logged and counted exactly
// once. Nothing here knows a protocol: clients are Exchanges, sandboxes are Upstreams.
#pragma once

#include <config/config.hpp>
#include <proxy/access_log.hpp>
#include <proxy/exchange.hpp>
#include <proxy/live_exchanges.hpp>
#include <proxy/metrics.hpp>
#include <proxy/registry/registry.hpp>
#include <proxy/session_host.hpp>
#include <proxy/upstream/upstream.hpp>

#include <memory>
#include <random>

namespace sandgate::proxy {

/// What serving needs of the worker it runs on.
struct ServeEnvironment {
  Loop& loop;
  Metrics& metrics;
  AccessLogWriter* log;  ///< Null: no access log.
  const registry::Registry& registry;
  upstream::Opener& upstreams;
  LiveExchanges& live;
  const std::shared_ptr<const config::Config>& config;  ///< The one in force.
  const DrainPhase& drain;
  std::mt19937_64& random;  ///< For request ids; they need to be distinct, not secret.
};

/// One exchange from its parsed head to its log line, which there is also when it throws (std::bad_alloc).
Task<void> serve(const ServeEnvironment& edge, Exchange& client);
/// The log line of one that cannot even be begun: there is no memory for it.
void turn_away(const ServeEnvironment& edge, Exchange& client);

}  // namespace sandgate::proxy

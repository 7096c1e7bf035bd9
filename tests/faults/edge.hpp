// edge: all of a worker but its thread, so that a test runs its rounds and looks at its books.
#pragma once

#include <proxy/access_log.hpp>
#include <proxy/client_connection.hpp>
#include <proxy/connection_gate.hpp>
#include <proxy/registry/registry.hpp>
#include <proxy/serve.hpp>
#include <proxy/settings.hpp>
#include <proxy/upstream/pool.hpp>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace sandgate::tests {

/// What outlives every edge of a test.
struct Foundation {
  proxy::registry::Registry registry;
  proxy::Settings settings;
  std::unique_ptr<proxy::AccessLogWriter> log;
};

class Edge final : private proxy::ExchangeHandler {
 public:
  explicit Edge(Foundation& foundation);

  std::uint16_t port() const { return port_; }
  /// One round, in which faults happen. `may_wait`: the clock may jump to the next deadline.
  void run_round(bool may_wait);
  /// No client connection is open.
  bool is_quiet() const { return client_port_->is_empty(); }
  /// Connections to sandboxes are kept for later.
  bool has_idle() const { return upstream_count(proxy::UpstreamState::idle) > 0; }

  const proxy::Metrics& metrics() const { return metrics_; }
  std::uint64_t begun() const { return begun_; }  ///< Exchanges whose head was understood.
  /// Exchanges that were counted, by outcome: "ok" or a failure's label.
  std::vector<std::string> outcomes() const;
  /// What should be nothing and is not, one sentence each; when every client is gone.
  std::vector<std::string> leftovers() const;

 private:
  proxy::Task<void> handle(proxy::Exchange& exchange) override;
  void turn_away(proxy::Exchange& exchange) override;
  std::uint64_t upstream_count(proxy::UpstreamState state) const {
    return metrics_.upstream_connections[static_cast<std::size_t>(state)].value();
  }

  Foundation& foundation_;
  proxy::ConnectionGate gate_{proxy::ConnectionGate::Limits{100, 50}};
  proxy::DrainPhase drain_ = proxy::DrainPhase::serving;
  std::mt19937_64 random_;
  proxy::Metrics metrics_;
  proxy::Loop loop_;
  proxy::BufferPool buffers_;
  proxy::upstream::Pool pool_;
  proxy::LiveExchanges live_;
  proxy::ServeEnvironment environment_;
  proxy::SessionHost host_;
  std::uint16_t port_ = 0;
  std::unique_ptr<proxy::ClientPort> client_port_;
  std::uint64_t begun_ = 0;
};

}  // namespace sandgate::tests

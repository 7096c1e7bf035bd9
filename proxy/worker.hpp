// worker: one thread that serves: its loop, its listeners, its pool, its counters. Nothing here is shared with another
// worker but what the constructor is given.
#pragma once

#include <config/config.hpp>
#include <proxy/access_log.hpp>
#include <proxy/base/calling.hpp>
#include <proxy/client_connection.hpp>
#include <proxy/connection_gate.hpp>
#include <proxy/live_exchanges.hpp>
#include <proxy/memory_budget.hpp>
#include <proxy/metrics.hpp>
#include <proxy/registry/registry.hpp>
#include <proxy/serve.hpp>
#include <proxy/session_host.hpp>
#include <proxy/settings.hpp>
#include <proxy/upstream/dial_policy.hpp>
#include <proxy/upstream/pool.hpp>

#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace sandgate::proxy {

class Worker final : private ExchangeHandler {
 public:
  struct Shared {
    const registry::Registry& registry;
    ConnectionGate& gate;
    std::size_t workers;  ///< Between which process-wide limits are divided.
  };

  Worker(const Shared& shared, const Settings& settings, std::unique_ptr<AccessLogWriter> log);
  ~Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Before `start`.
  void add_listener(std::size_t index, UniqueFd socket);
  /// `finished` is called on the worker's thread when it has nothing left to serve after a drain.
  void start(std::function<void()> finished);
  void join();

  // From the control thread; each takes effect in the worker's next round.
  void adopt(Settings settings);
  void change_route(registry::RouteChanged change);
  void enter(DrainPhase phase);

  const Metrics& metrics() const { return metrics_; }

 private:
  Task<void> handle(Exchange& exchange) override { return serve(environment_, exchange); }
  void turn_away(Exchange& exchange) override { proxy::turn_away(environment_, exchange); }
  void take_over(const Settings& settings);
  void apply_phase(DrainPhase phase);
  void abort_everything();
  void stop_when_empty();
  void set_memory_limit();
  void check_memory();

  Shared shared_;
  std::shared_ptr<const config::Config> config_;
  std::shared_ptr<const upstream::DialPolicy> dial_policy_;
  std::vector<std::shared_ptr<const net::TlsServer>> tls_;
  std::unique_ptr<AccessLogWriter> log_;
  DrainPhase drain_ = DrainPhase::serving;
  std::mt19937_64 random_;
  Metrics metrics_;
  Loop loop_;
  BufferPool buffers_;
  MemoryBudget memory_;
  upstream::Pool pool_;
  LiveExchanges live_;
  ServeEnvironment environment_;
  SessionHost host_;
  std::vector<std::unique_ptr<ClientPort>> ports_;
  CallOnTime<&Worker::abort_everything> last_call_{*this};
  CallOnTime<&Worker::stop_when_empty> empty_check_{*this};
  CallOnTime<&Worker::check_memory> memory_check_{*this};
  std::thread thread_;
};

}  // namespace sandgate::proxy

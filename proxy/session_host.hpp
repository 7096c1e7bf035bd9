// session_host: what a session needs of the thread it runs on.
#pragma once

#include <config/config.hpp>
#include <proxy/base/buffer_pool.hpp>
#include <proxy/base/loop.hpp>
#include <proxy/exchange.hpp>
#include <proxy/memory_budget.hpp>
#include <proxy/metrics.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace sandgate::proxy {

/// Where a drain stands (drain.hpp has the diagram).
enum class DrainPhase : std::uint8_t {
  serving,
  announcing,  ///< readyz is 503; all else as ever.
  finishing,   ///< No new connections; each one ends with the exchange it carries.
  over,        ///< The grace has run out: everything is closed.
};

/// The life of a client's connection, once it is known what it speaks.
class ClientSession {
 public:
  /// Ends what is idle, and what is not as soon as its exchanges are over.
  virtual void drain() = 0;
  /// Ends it if nothing is under way; false: something is.
  virtual bool end_if_idle() = 0;

 protected:
  ~ClientSession() = default;
};

struct SessionHost {
  Loop& loop;
  BufferPool& buffers;
  Metrics& metrics;
  ExchangeHandler& handler;
  const std::shared_ptr<const config::Config>& config;  ///< The one in force; each exchange takes it anew.
  const DrainPhase& drain;
  MemoryBudget* memory = nullptr;  ///< Null: no limit, as for the admin's own.

  /// How long a connection that is being closed waits for a silent client; the edge's own end waits for few.
  std::chrono::milliseconds linger() const {
    using std::chrono::milliseconds;
    return drain < DrainPhase::finishing ? milliseconds(2000) : milliseconds(500);
  }

  /// A new exchange is to be refused (hardening O-MEM), and is counted as that.
  bool refuses_for_memory() const {
    if (memory == nullptr || memory->may_begin()) return false;
    metrics.limit(LimitLabel::memory).add();
    return true;
  }
};

}  // namespace sandgate::proxy

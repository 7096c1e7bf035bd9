#include <proxy/memory_budget.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::proxy {
namespace {

/// Of gauges that one worker alone moves.
template <std::size_t N>
std::size_t sum(const std::array<Counter, N>& gauges) {
  std::size_t total = 0;
  for (const Counter& gauge : gauges) total += gauge.value();
  return total;
}

}  // namespace

std::size_t MemoryBudget::used() const {
  return buffers_.leased_bytes() + sum(metrics_.client_connections) * kClientConnection +
         metrics_.active_exchanges.value() * kExchange + sum(metrics_.upstream_connections) * kSandboxConnection;
}

MemoryBudget::Pressure MemoryBudget::pressure() const {
  if (limit_ == 0) return Pressure::none;
  const std::size_t used_now = used();
  if (used_now >= limit_ / 100 * 95) return Pressure::full;
  return used_now >= high_mark() ? Pressure::high : Pressure::none;
}

bool MemoryBudget::may_begin() {
  if (pressure() == Pressure::none) return true;
  ++refused_;
  return false;
}

std::size_t MemoryBudget::connections_too_many() {
  const std::size_t waiting = std::exchange(refused_, 0);
  const std::size_t used_now = used();
  if (limit_ == 0 || used_now < high_mark()) return waiting;
  return std::max(waiting, (used_now - high_mark()) / kClientConnection + 1);
}

}  // namespace sandgate::proxy

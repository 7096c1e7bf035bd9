#include <proxy/memory_budget.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy {
namespace {

using Pressure = MemoryBudget::Pressure;

constexpr std::size_t kLimit = 100 * MemoryBudget::kClientConnection;

Counter& idle(Metrics& metrics) { return metrics.client_connections[static_cast<std::size_t>(ClientState::idle)]; }

}  // namespace

// hardening O-MEM
TEST_CASE("memory budget: what a worker holds is what presses", "[limits]") {
  BufferPool buffers;
  Metrics metrics;
  MemoryBudget budget(buffers, metrics);
  budget.set_limit(kLimit);
  idle(metrics).add(79);
  CHECK(budget.pressure() == Pressure::none);
  {
    const Buffer block = buffers.lease(MemoryBudget::kClientConnection);
    CHECK(budget.pressure() == Pressure::high);
    CHECK_FALSE(budget.may_begin());
  }
  CHECK(budget.may_begin());
  metrics.active_exchanges.add(3);
  CHECK(budget.pressure() == Pressure::high);
  metrics.active_exchanges.subtract(3);
  idle(metrics).add(16);
  CHECK(budget.pressure() == Pressure::full);
}

TEST_CASE("memory budget: so many idle connections are too many", "[limits]") {
  BufferPool buffers;
  Metrics metrics;
  MemoryBudget budget(buffers, metrics);
  budget.set_limit(kLimit);
  idle(metrics).add(79);
  CHECK(budget.connections_too_many() == 0);
  idle(metrics).add(4);
  CHECK(budget.connections_too_many() == 4);
  idle(metrics).subtract(3);
  for (int i = 0; i < 7; ++i) CHECK_FALSE(budget.may_begin());
  idle(metrics).subtract(20);
  CHECK(budget.connections_too_many() == 7);
  CHECK(budget.connections_too_many() == 0);
}

TEST_CASE("memory budget: without a limit nothing presses", "[limits]") {
  BufferPool buffers;
  Metrics metrics;
  MemoryBudget budget(buffers, metrics);
  idle(metrics).add(1'000'000);
  CHECK(budget.pressure() == Pressure::none);
  CHECK(budget.may_begin());
  CHECK(budget.connections_too_many() == 0);
}

}  // namespace sandgate::proxy

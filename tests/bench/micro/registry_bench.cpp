#include <proxy/registry/registry.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace sandgate::bench {
namespace {

using proxy::registry::Registry;
using routing::SandboxId;

SandboxId numbered(std::size_t number) { return *SandboxId::parse("i" + std::to_string(1'000'000'000 + number)); }

std::string record_of(std::size_t number) {
  return R"({"address":"10.)" + std::to_string(number / 65536 % 256) + "." + std::to_string(number / 256 % 256) + "." +
         std::to_string(number % 256) + R"(","execution_id":"5f3a1b)" + std::to_string(number) +
         R"(","allow_public_traffic":false,"traffic_access_token":"0123456789abcdef0123456789abcdef"})";
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

/// One for each size, filled when it is first asked for.
struct Filled {
  explicit Filled(std::size_t records) : count(records) {
    const std::size_t before = resident_bytes();
    registry.table().reserve(count);
    for (std::size_t i = 0; i < count; ++i) registry.put(numbered(i), record_of(i));
    registry.mark_loaded();
    bytes = resident_bytes() - before;
  }
  static Filled& of(std::size_t records) {
    if (records == 1'000) {
      static Filled thousand(1'000);
      return thousand;
    }
    static Filled million(1'000'000);
    return million;
  }
  std::size_t count;
  std::size_t bytes = 0;
  Registry registry;
};

/// Ids in an order no cache foresees.
std::vector<SandboxId> random_ids(std::size_t records, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<SandboxId> ids;
  for (int i = 0; i < 1 << 16; ++i) ids.push_back(numbered(random() % records));
  return ids;
}

void lookup(benchmark::State& state) {
  const Filled& filled = Filled::of(static_cast<std::size_t>(state.range(0)));
  const std::vector<SandboxId> ids = random_ids(filled.count, static_cast<std::uint64_t>(state.thread_index()));
  for (const SandboxId& id : ids) filled.registry.find(id);  // The first lookup of an id makes its usage.
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(filled.registry.find(ids[i++ % ids.size()]).route);
  state.counters["MB"] = benchmark::Counter(static_cast<double>(filled.bytes) / 1e6, benchmark::Counter::kAvgThreads);
}
BENCHMARK(lookup)->Arg(1'000)->Arg(1'000'000)->Threads(1)->Threads(2)->UseRealTime();

/// Puts of changed records, one after the other, while another thread looks up without a pause.
void put_while_serving(benchmark::State& state) {
  Filled& filled = Filled::of(1'000'000);
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> lookups{0};
  std::thread reader([&] {
    const std::vector<SandboxId> ids = random_ids(filled.count, 7);
    std::uint64_t count = 0;
    while (!is_over.load(std::memory_order_relaxed)) {
      benchmark::DoNotOptimize(filled.registry.find(ids[count++ % ids.size()]).route);
    }
    lookups = count;
  });
  std::size_t i = 0;
  for (auto _ : state) {
    const std::size_t number = i++ * 7919 % filled.count;
    filled.registry.put(numbered(number), record_of(number));
  }
  is_over = true;
  reader.join();
  state.counters["puts"] = benchmark::Counter(static_cast<double>(i), benchmark::Counter::kIsRate);
  state.counters["lookups"] = benchmark::Counter(static_cast<double>(lookups.load()), benchmark::Counter::kIsRate);
}
BENCHMARK(put_while_serving)->UseRealTime();

}  // namespace
}  // namespace sandgate::bench

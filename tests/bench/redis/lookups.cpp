// Lookups of records in Redis: from memory, the first time, and asked of Redis each time.
//
//   bench_registry_redis PORT IDS WORKERS IN_FLIGHT      ids "b0" to "b<IDS - 1>" must be there (tests/bench/redis/run)
//
//   cold    every id once, in no order: a question to the source's thread, PTTL and GETRANGE, parse, into the table
//   warm    ids at random, all of them in memory: what a request costs afterwards
//   get     one GET for a lookup and the record parsed, with as many in flight, over a connection of each worker's own
//
// Each worker is a thread with a loop, as in the edge; IN_FLIGHT lookups wait on it at once. Prints JSON.
#include <proxy/base/fork.hpp>
#include <proxy/registry/redis/redis.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace sandgate::bench {
namespace {

using namespace proxy;
using registry::redis::Asked;
using registry::redis::command;
using registry::redis::Connection;
using routing::LookupResult;
using routing::SandboxId;

constexpr std::size_t kWarmLookups = 5'000'000;  // Of each worker.
constexpr std::size_t kTimedEvery = 16;          // Reading the clock costs a share of a warm lookup.
constexpr std::size_t kMostGets = 300'000;       // Of each worker.

struct Plan {
  std::uint16_t port = 0;
  std::size_t ids = 0;
  std::size_t workers = 0;
  std::size_t in_flight = 0;
};

SandboxId id_of(std::size_t number) { return *SandboxId::parse("b" + std::to_string(number)); }

/// A walk through all numbers below `count` that does not follow their order.
std::size_t shuffled(std::size_t index, std::size_t count) {
  constexpr std::size_t kStride = 15'485'863;  // A prime larger than any count here.
  return index * kStride % count;
}

struct Measured {
  std::vector<float> microseconds;
  std::size_t lookups = 0;
};

using Work = std::function<Measured(std::size_t worker)>;

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  file >> pages >> pages;
  return pages * 4096;
}

/// Runs `work` on every worker at once and prints what came of it.
void measure(const char* name, const Plan& plan, const Work& work) {
  std::vector<Measured> results(plan.workers);
  std::vector<std::thread> threads;
  const auto begun = Clock::now();
  for (std::size_t i = 0; i < plan.workers; ++i) threads.emplace_back([&, i] { results[i] = work(i); });
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = Clock::now() - begun;
  Measured all;
  for (Measured& one : results) {
    all.lookups += one.lookups;
    all.microseconds.insert(all.microseconds.end(), one.microseconds.begin(), one.microseconds.end());
  }
  std::ranges::sort(all.microseconds);
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(all.microseconds.size() - 1));
    return static_cast<double>(all.microseconds[index]);
  };
  std::printf(
      "\"%s\": {\"lookups\": %zu, \"per_second\": %.0f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f},\n",
      name, all.lookups, static_cast<double>(all.lookups) / took.count(), at(0.5), at(0.99), at(0.999));
}

/// One of a worker's lookups at a time, until `next` has no more.
using Next = std::function<bool(std::size_t& number)>;

struct Desk {
  Loop& loop;
  const Next& next;
  Measured& measured;
  std::size_t open = 0;

  void note(TimePoint begun) {
    const std::chrono::duration<float, std::micro> took = Clock::now() - begun;
    measured.microseconds.push_back(took.count());
    ++measured.lookups;
  }
};

Detached ask_registry(Desk& desk, const registry::Registry& registry) {
  ++desk.open;
  std::size_t number = 0;
  while (desk.next(number)) {
    const SandboxId id = id_of(number);
    const TimePoint begun = Clock::now();
    routing::Lookup found = registry.find(id);
    if (found.result == LookupResult::unknown) {
      found = co_await registry.ask(desk.loop, id, desk.loop.now() + std::chrono::seconds(10));
    }
    if (found.result != LookupResult::found) std::abort();
    desk.note(begun);
  }
  if (--desk.open == 0) desk.loop.stop();
}

Measured look_up_cold(const Plan& plan, const registry::Registry& registry, std::size_t worker) {
  Loop loop;
  Measured measured;
  std::size_t index = worker;
  const Next next = [&](std::size_t& number) {
    if (index >= plan.ids) return false;
    number = shuffled(index, plan.ids);
    index += plan.workers;
    return true;
  };
  Desk desk{loop, next, measured};
  for (std::size_t i = 0; i < plan.in_flight; ++i) ask_registry(desk, registry);
  loop.run();
  return measured;
}

Measured look_up_warm(const Plan& plan, const registry::Registry& registry, const std::vector<SandboxId>& ids,
                      std::size_t worker) {
  Measured measured;
  std::mt19937_64 random(worker);
  for (std::size_t i = 0; i < kWarmLookups; ++i) {
    const SandboxId& id = ids[random() % plan.ids];
    const bool is_timed = i % kTimedEvery == 0;
    const TimePoint begun = is_timed ? Clock::now() : TimePoint();
    const routing::Lookup found = registry.find(id);
    if (found.result != LookupResult::found) std::abort();
    if (!is_timed) continue;
    const std::chrono::duration<float, std::micro> took = Clock::now() - begun;
    measured.microseconds.push_back(took.count());
  }
  measured.lookups = kWarmLookups;
  return measured;
}

Detached ask_redis(Desk& desk, Connection& connection) {
  ++desk.open;
  std::size_t number = 0;
  while (desk.next(number)) {
    const SandboxId id = id_of(number);
    const TimePoint begun = Clock::now();
    const std::string get = command({"GET", "sandbox:catalog:b" + std::to_string(number)});
    Asked asked(desk.loop, connection, get, 1);
    co_await asked;
    if (asked.is_lost() || !routing::parse_record(id, asked.replies().front().text)) std::abort();
    desk.note(begun);
  }
  if (--desk.open == 0) connection.abort("done");
}

Detached run_connection(Loop& loop, Connection& connection, const Plan& plan, Desk& desk) {
  Connection::Address address{{*config::IpAddress::parse("127.0.0.1"), plan.port, {}}, {}, nullptr};
  const std::string problem = co_await connection.open(std::move(address));
  if (!problem.empty()) std::abort();
  for (std::size_t i = 0; i < plan.in_flight; ++i) ask_redis(desk, connection);
  co_await connection.run();
  loop.stop();
}

Measured look_up_by_get(const Plan& plan, std::size_t worker) {
  Loop loop;
  BufferPool buffers;
  Measured measured;
  std::mt19937_64 random(worker);
  std::size_t left = std::min(kMostGets, plan.ids);
  const Next next = [&](std::size_t& number) {
    if (left == 0) return false;
    --left;
    number = random() % plan.ids;
    return true;
  };
  Desk desk{loop, next, measured};
  Connection connection(loop, buffers, nullptr);
  run_connection(loop, connection, plan, desk);
  loop.run();
  return measured;
}

int run(const Plan& plan) {
  registry::Registry registry;
  config::RedisRegistry config;
  config.url.text = "redis://127.0.0.1:" + std::to_string(plan.port);
  config.max_entries = static_cast<std::uint32_t>(plan.ids) + 1000;
  config.max_bytes = config::mebibytes(4096);
  registry::redis::RedisSource source(config, registry);
  if (const auto failed = source.load()) {
    std::fprintf(stderr, "%s\n", failed->text.c_str());
    return 1;
  }
  std::vector<SandboxId> ids;
  for (std::size_t i = 0; i < plan.ids; ++i) ids.push_back(id_of(i));
  std::printf("{\"ids\": %zu, \"workers\": %zu, \"in_flight_of_each\": %zu,\n", plan.ids, plan.workers, plan.in_flight);
  const std::size_t before = resident_bytes();
  measure("cold", plan, [&](std::size_t worker) { return look_up_cold(plan, registry, worker); });
  std::printf("\"bytes_of_each\": %zu,\n", (resident_bytes() - before) / plan.ids);
  const std::uint64_t asked = source.figures().requests;
  measure("warm", plan, [&](std::size_t worker) { return look_up_warm(plan, registry, ids, worker); });
  std::printf("\"round_trips\": {\"cold\": %lu, \"warm\": %lu},\n", asked, source.figures().requests - asked);
  measure("get", plan, [&](std::size_t worker) { return look_up_by_get(plan, worker); });
  std::printf("\"end\": true}\n");
  source.stop();
  return 0;
}

}  // namespace
}  // namespace sandgate::bench

int main(int argc, char** argv) {
  constexpr int kArguments = 5;
  if (argc != kArguments) {
    std::fprintf(stderr, "usage: %s PORT IDS WORKERS IN_FLIGHT\n", argv[0]);
    return 64;
  }
  const auto number = [&](int index) { return static_cast<std::size_t>(std::strtoull(argv[index], nullptr, 10)); };
  return sandgate::bench::run({static_cast<std::uint16_t>(number(1)), number(2), number(3), number(4)});
}

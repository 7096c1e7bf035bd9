#include <proxy/http/rewrite.hpp>
#include <routing/authority.hpp>
#include <tests/bench/micro/memory_edge.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <memory_resource>
#include <string>
#include <vector>

namespace sandgate::proxy::bench {
namespace {

constexpr http::HeadLimits kLimits{65536, 128, 16384};

/// Memory of one exchange, as the arena gives it.
struct Room {
  std::array<std::byte, 16 * 1024> block;
  std::pmr::monotonic_buffer_resource memory{block.data(), block.size()};
};

void head_parse(benchmark::State& state) {
  for (auto _ : state) {
    Room room;
    http::RequestHead head(&room.memory);
    head.fields.reserve(32);
    benchmark::DoNotOptimize(http::find_head_end(kRequest, 0));
    benchmark::DoNotOptimize(http::parse_request(kRequest, kLimits, head).has_value());
  }
}
BENCHMARK(head_parse);

void authority_parse(benchmark::State& state) {
  const std::vector<std::string> domains{"sandbox.test"};
  for (auto _ : state) {
    benchmark::DoNotOptimize(routing::find_target("8080-i1a2b3c4d5e6f7g8h9j0.sandbox.test", {}, domains).has_value());
  }
}
BENCHMARK(authority_parse);

void rewrite(benchmark::State& state) {
  std::pmr::monotonic_buffer_resource memory;
  http::RequestHead head(&memory);
  http::parse_request(kRequest, kLimits, head).value();
  const auto mask = routing::HostMask::compile("localhost:${PORT}");
  http::Scene scene;
  scene.edge_id = "sandgate";
  scene.token_header = "e2b-traffic-access-token";
  scene.client_address = "203.0.113.7";
  scene.listener_port = 443;
  scene.is_tls = true;
  scene.sandbox_port = 8080;
  scene.mask = &mask.value();
  scene.request_id = "0123456789abcdef0123456789abcdef";
  for (auto _ : state) {
    Room room;
    http::RequestHead to_sandbox(&room.memory);
    benchmark::DoNotOptimize(http::rewrite_request(head, scene, &room.memory, to_sandbox).has_value());
  }
}
BENCHMARK(rewrite);

void exchange(benchmark::State& state) {
  MemoryEdge edge;
  for (auto _ : state) benchmark::DoNotOptimize(edge.exchange());
}
BENCHMARK(exchange);

}  // namespace
}  // namespace sandgate::proxy::bench

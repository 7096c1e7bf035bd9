// exchange_count: `bench_exchange_count N` serves N exchanges in memory and ends. Under valgrind, the instructions of
// two runs that differ in N give those of one exchange (instructions_test.py).
#include <tests/bench/micro/memory_edge.hpp>

#include <cstdlib>

int main(int argc, char** argv) {
  const int count = argc == 2 ? std::atoi(argv[1]) : 0;
  sandgate::proxy::bench::MemoryEdge edge;
  std::size_t sent = 0;
  for (int i = 0; i < count; ++i) sent += edge.exchange();
  return sent > 0 ? 0 : 64;
}

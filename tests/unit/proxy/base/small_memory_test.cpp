#include <proxy/base/small_memory.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

namespace sandgate::proxy {
namespace {

// Each size and one more of the next class.
const std::vector<std::size_t> kSizes{1, 31, 32, 33, 64, 1000, 4095, 4096, 4097, 100'000};

}  // namespace

TEST_CASE("small_memory: pieces of any size are whole and apart", "[base]") {
  std::vector<unsigned char*> pieces;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
      pieces.push_back(static_cast<unsigned char*>(allocate_small(kSizes[i])));
      CHECK(reinterpret_cast<std::uintptr_t>(pieces.back()) % alignof(std::max_align_t) == 0);
      std::memset(pieces.back(), static_cast<int>(i), kSizes[i]);
    }
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
      CHECK(std::count(pieces[i], pieces[i] + kSizes[i], i) == static_cast<std::ptrdiff_t>(kSizes[i]));
      free_small(pieces[i], kSizes[i]);
    }
    pieces.clear();
  }
}

#if !defined(SANDGATE_ADDRESS_SANITIZER)  // There every piece is malloc's own.
TEST_CASE("small_memory: what was freed is given again, to any size of its class", "[base]") {
  void* const first = allocate_small(65);
  void* const second = allocate_small(96);
  free_small(first, 65);
  free_small(second, 96);
  CHECK(allocate_small(80) == second);
  CHECK(allocate_small(90) == first);
  free_small(first, 90);
  free_small(second, 80);
}

TEST_CASE("small_memory: a burst is not kept for ever", "[base]") {
  constexpr std::size_t kSize = 4096;
  std::thread([] {
    std::vector<void*> burst(1000);
    for (void*& piece : burst) piece = allocate_small(kSize);
    for (void* const piece : burst) free_small(piece, kSize);
    CHECK(small_memory::shelves[small_memory::class_of(kSize)].count == 256 * 1024 / kSize);
  }).join();
}
#endif

}  // namespace sandgate::proxy

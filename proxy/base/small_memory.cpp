#include <proxy/base/small_memory.hpp>

namespace sandgate::proxy {
namespace small_memory {

constinit thread_local std::array<Shelf, kClasses> shelves{};

namespace {

// Of each class. Hundreds of exchanges at once have five frames each of the smaller classes.
constexpr std::size_t kKeptBytes = 256 * 1024;

// Under AddressSanitizer every piece is malloc's own and of its size, so that misuse is seen.
#if defined(SANDGATE_ADDRESS_SANITIZER)
constexpr std::size_t kShelved = 0;
#else
constexpr std::size_t kShelved = kClasses;
#endif

/// Empties the shelves of a thread that ends.
struct Sweeper {
  ~Sweeper() {
    for (Shelf& shelf : shelves) {
      while (shelf.first != nullptr) ::operator delete(shelf.pop());
    }
  }
  void attend() {}
};
thread_local Sweeper sweeper;

}  // namespace

void* allocate_new(std::size_t size) {
  sweeper.attend();
  const std::size_t index = class_of(size);
  return ::operator new(index < kShelved ? (index + 1) * kClassBytes : size);
}

}  // namespace small_memory

void free_small(void* piece, std::size_t size) noexcept {
  using namespace small_memory;
  const std::size_t index = class_of(size);
  const bool is_kept = index < kShelved && shelves[index].count < kKeptBytes / kClassBytes / (index + 1);
  if (!is_kept) return ::operator delete(piece);
  shelves[index].push(piece);
}

}  // namespace sandgate::proxy

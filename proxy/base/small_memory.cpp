#include <proxy/base/small_memory.hpp>

namespace sandgate::proxy::small_memory {

constinit thread_local std::array<Shelf, kClasses> shelves{};

namespace {

// Of each class. Hundreds of exchanges at once have five frames each of the smaller classes.
constexpr std::size_t kKeptBytes = 256 * 1024;

// Under AddressSanitizer every piece is malloc's own and of its size, so that misuse is seen.
#if defined(SANDGATE_ADDRESS_SANITIZER)
constexpr bool kRecycle = false;
#else
constexpr bool kRecycle = true;
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
  return ::operator new(kRecycle&& index < kClasses ? (index + 1) * kClassBytes : size);
}

void give_back(void* piece, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  const bool is_kept = kRecycle && index < kClasses && shelves[index].count < kKeptBytes / kClassBytes / (index + 1);
  if (!is_kept) return ::operator delete(piece);
  shelves[index].push(piece);
}

}  // namespace sandgate::proxy::small_memory

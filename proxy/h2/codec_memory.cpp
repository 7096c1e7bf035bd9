#include <proxy/base/small_memory.hpp>
#include <proxy/h2/codec_memory.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace sandgate::proxy::h2 {
namespace {

/// `grown`: from `realloc`, a queue or a buffer, which the C library grows in place.
enum class Origin : std::uint8_t { small, grown, freed };

/// What stands before each piece: the library does not say its size when it frees it. Of a piece that is free and kept
/// the first word is overwritten, `origin` is not.
struct alignas(std::max_align_t) Prefix {
  std::size_t size;
  Origin origin;
};

Prefix* prefix_of(void* piece) { return static_cast<Prefix*>(piece) - 1; }

/// As malloc: null when there is none.
void* allocate(std::size_t size, void* /*user*/) noexcept {
  try {
    return new (allocate_small(sizeof(Prefix) + size)) Prefix{size, Origin::small} + 1;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void release(void* piece, void* /*user*/) noexcept {
  if (piece == nullptr) return;
  Prefix* const prefix = prefix_of(piece);
  switch (std::exchange(prefix->origin, Origin::freed)) {
    case Origin::small:
      return free_small(prefix, sizeof(Prefix) + prefix->size);
    case Origin::grown:
      return std::free(prefix);
    case Origin::freed:
      std::abort();  // As the C library does: two streams would come to share it (docs/security.md).
  }
}

void* allocate_zeroed(std::size_t count, std::size_t size, void* user) noexcept {
  void* const piece = allocate(count * size, user);
  if (piece != nullptr) std::memset(piece, 0, count * size);
  return piece;
}

void* reallocate(void* piece, std::size_t size, void* user) noexcept {
  Prefix* const old = piece != nullptr ? prefix_of(piece) : nullptr;
  const bool grows_in_place = old != nullptr && old->origin == Origin::grown;
  void* const memory = std::realloc(grows_in_place ? old : nullptr, sizeof(Prefix) + size);
  if (memory == nullptr) return nullptr;
  void* const larger = new (memory) Prefix{size, Origin::grown} + 1;
  if (old == nullptr || grows_in_place) return larger;
  std::memcpy(larger, piece, std::min(size, old->size));
  release(piece, user);
  return larger;
}

}  // namespace

nghttp2_mem* codec_memory() {
  static nghttp2_mem memory{nullptr, allocate, release, allocate_zeroed, reallocate};
  return &memory;
}

}  // namespace sandgate::proxy::h2

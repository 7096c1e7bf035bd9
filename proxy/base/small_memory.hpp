// small_memory: small pieces of memory, recycled per thread: coroutine frames, streams, what nghttp2 keeps for each.
//
// They are made and freed many times per request, on one thread and in few sizes; a free list per size class
// turns that into two pointer moves, so a warm data path does not call malloc at all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace sandgate::proxy {

namespace small_memory {

inline constexpr std::size_t kClassBytes = 32;  // An idle connection holds a few frames: what is rounded up counts.
inline constexpr std::size_t kClasses = 128;    // Pieces up to 4 KiB; larger ones are malloc's.

/// Free pieces of one size class.
struct Shelf {
  struct Piece {
    Piece* next;
  };
  Piece* first = nullptr;
  std::uint32_t count = 0;

  void* pop() {
    Piece* const piece = first;
    first = piece->next;
    --count;
    return piece;
  }
  void push(void* memory) {
    first = new (memory) Piece{first};
    ++count;
  }
};

extern constinit thread_local std::array<Shelf, kClasses> shelves;

constexpr std::size_t class_of(std::size_t size) { return (size - 1) / kClassBytes; }
void* allocate_new(std::size_t size);

}  // namespace small_memory

/// At least `size` bytes, aligned for any object. Throws std::bad_alloc.
inline void* allocate_small(std::size_t size) {
  const std::size_t index = small_memory::class_of(size);
  const bool is_here = index < small_memory::kClasses && small_memory::shelves[index].first != nullptr;
  return is_here ? small_memory::shelves[index].pop() : small_memory::allocate_new(size);
}

/// `size` is the one that was asked for. Another thread than the one that allocated may free, and keeps it then.
void free_small(void* piece, std::size_t size) noexcept;

/// Base of objects that live in small memory: coroutine promises, and with them their frames.
struct SmallObject {
  static void* operator new(std::size_t size) { return allocate_small(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { free_small(memory, size); }
};

}  // namespace sandgate::proxy

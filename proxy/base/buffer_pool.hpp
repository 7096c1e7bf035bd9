// buffer_pool: blocks of bytes, leased while bytes are in flight and given back when they are not.
//
// An idle connection holds no block. One pool per worker, no lock. Blocks are not cleared when they change hands within
// the pool: whoever leases one reads only what it wrote or received itself.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace sandgate::proxy {

class BufferPool;

/// A leased block, filled from the front: [0, consumed) is done with, [consumed, filled) is data, the rest is room.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer moved(std::move(other));
    swap(moved);
    return *this;
  }
  ~Buffer() {
    if (bytes_ != nullptr) give_back();
  }

  explicit operator bool() const { return bytes_ != nullptr; }
  std::size_t capacity() const { return capacity_; }

  std::string_view data() const { return {bytes_ + consumed_, filled_ - consumed_}; }
  bool empty() const { return consumed_ == filled_; }
  void consume(std::size_t size) { consumed_ += size; }
  void clear() { consumed_ = filled_ = 0; }

  char* room() { return bytes_ + filled_; }
  std::size_t room_size() const { return capacity_ - filled_; }
  void commit(std::size_t size) { filled_ += size; }
  /// Moves the data to the front, so that all room is behind it. Views into the data are void then.
  void compact();
  /// The caller made sure that it fits.
  void append(std::string_view bytes) {
    assert(bytes.size() <= room_size());
    if (bytes.empty()) return;  // memcpy wants a pointer to something even then.
    std::memcpy(room(), bytes.data(), bytes.size());
    commit(bytes.size());
  }

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, char* bytes, std::size_t capacity) : pool_(pool), bytes_(bytes), capacity_(capacity) {}
  void swap(Buffer& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(bytes_, other.bytes_);
    std::swap(capacity_, other.capacity_);
    std::swap(consumed_, other.consumed_);
    std::swap(filled_, other.filled_);
  }

  void give_back() noexcept;

  BufferPool* pool_ = nullptr;
  char* bytes_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t consumed_ = 0;
  std::size_t filled_ = 0;
};

class BufferPool {
 public:
  /// One TLS record's worth; what a read asks for at most, but for bulk.
  static constexpr std::size_t kBlockBytes = 16 * 1024;

  BufferPool() = default;
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// At least `size` bytes of room. Throws std::bad_alloc. Blocks larger than the largest shelf's are not kept for reuse.
  Buffer lease(std::size_t size = kBlockBytes);
  std::size_t leased_bytes() const { return leased_bytes_; }

 private:
  friend class Buffer;
  /// Free blocks of one size.
  struct Shelf {
    std::size_t block_bytes;
    std::size_t kept;  ///< At most.
    std::vector<std::unique_ptr<char[]>> free{};
  };
  Shelf* shelf_for(std::size_t size);
  void give_back(char* bytes, std::size_t capacity) noexcept;

  // The larger ones are for bodies that flow without a pause: two records or four, and what encryption adds.
  std::array<Shelf, 3> shelves_{Shelf{kBlockBytes, 512}, Shelf{36 * 1024, 56}, Shelf{68 * 1024, 30}};
  std::size_t leased_bytes_ = 0;
};

}  // namespace sandgate::proxy

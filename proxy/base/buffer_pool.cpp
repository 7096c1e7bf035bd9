#include <proxy/base/buffer_pool.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sandgate::proxy {

void Buffer::give_back() noexcept { pool_->give_back(bytes_, capacity_); }

void Buffer::compact() {
  if (consumed_ == 0) return;
  std::memmove(bytes_, bytes_ + consumed_, filled_ - consumed_);
  filled_ -= consumed_;
  consumed_ = 0;
}

BufferPool::~BufferPool() { assert(leased_bytes_ == 0); }

/// The smallest blocks that hold `size`; null: none do.
BufferPool::Shelf* BufferPool::shelf_for(std::size_t size) {
  const auto found =
      std::find_if(shelves_.begin(), shelves_.end(), [size](const Shelf& shelf) { return size <= shelf.block_bytes; });
  return found != shelves_.end() ? found : nullptr;
}

Buffer BufferPool::lease(std::size_t size) {
  Shelf* const shelf = shelf_for(size);
  const std::size_t capacity = shelf != nullptr ? shelf->block_bytes : size;
  char* bytes = nullptr;
  if (shelf != nullptr && !shelf->free.empty()) {
    bytes = shelf->free.back().release();
    shelf->free.pop_back();
  } else {
    if (shelf != nullptr) shelf->free.reserve(shelf->kept);  // So that giving back never allocates.
    bytes = new char[capacity];
  }
  leased_bytes_ += capacity;
  return Buffer(this, bytes, capacity);
}

void BufferPool::give_back(char* bytes, std::size_t capacity) noexcept {
  leased_bytes_ -= capacity;
  std::unique_ptr<char[]> block(bytes);
  Shelf* const shelf = shelf_for(capacity);
  const bool is_kept = shelf != nullptr && shelf->block_bytes == capacity && shelf->free.size() < shelf->kept;
  if (is_kept) shelf->free.push_back(std::move(block));
}

}  // namespace sandgate::proxy

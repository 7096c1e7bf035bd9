#include <proxy/base/buffer_pool.hpp>

#include <cassert>
#include <cstring>

namespace sandgate::proxy {

Buffer::~Buffer() {
  if (bytes_ != nullptr) pool_->give_back(bytes_, capacity_);
}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(bytes_, other.bytes_);
  std::swap(capacity_, other.capacity_);
  std::swap(consumed_, other.consumed_);
  std::swap(filled_, other.filled_);
}

void Buffer::compact() {
  if (consumed_ == 0) return;
  std::memmove(bytes_, bytes_ + consumed_, filled_ - consumed_);
  filled_ -= consumed_;
  consumed_ = 0;
}

void Buffer::append(std::string_view bytes) {
  assert(bytes.size() <= room_size());
  if (bytes.empty()) return;  // memcpy wants a pointer to something even then.
  std::memcpy(room(), bytes.data(), bytes.size());
  commit(bytes.size());
}

BufferPool::~BufferPool() { assert(leased_bytes_ == 0); }

Buffer BufferPool::lease(std::size_t size) {
  if (free_.capacity() == 0) free_.reserve(kKept);  // So that giving back never allocates.
  const std::size_t capacity = size <= kBlockBytes ? kBlockBytes : size;
  char* bytes = nullptr;
  if (capacity == kBlockBytes && !free_.empty()) {
    bytes = free_.back().release();
    free_.pop_back();
  } else {
    bytes = new char[capacity];
  }
  leased_bytes_ += capacity;
  return Buffer(this, bytes, capacity);
}

void BufferPool::give_back(char* bytes, std::size_t capacity) noexcept {
  leased_bytes_ -= capacity;
  std::unique_ptr<char[]> block(bytes);
  if (capacity == kBlockBytes && free_.size() < kKept) free_.push_back(std::move(block));
}

}  // namespace sandgate::proxy

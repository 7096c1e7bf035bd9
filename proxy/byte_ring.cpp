#include <proxy/byte_ring.hpp>

#include <algorithm>
#include <cstring>

namespace sandgate::proxy {

ByteRing::ByteRing() : bytes_(std::make_unique_for_overwrite<char[]>(kCapacity)) {}

bool ByteRing::push(std::string_view bytes) {
  const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
  if (bytes.size() > kCapacity - (pushed - popped_seen_)) {
    popped_seen_ = popped_.load(std::memory_order_acquire);
    if (bytes.size() > kCapacity - (pushed - popped_seen_)) return false;
  }
  const std::size_t at = pushed % kCapacity;
  const std::size_t until_end = std::min(bytes.size(), kCapacity - at);
  std::memcpy(bytes_.get() + at, bytes.data(), until_end);
  std::memcpy(bytes_.get(), bytes.data() + until_end, bytes.size() - until_end);
  pushed_.store(pushed + bytes.size(), std::memory_order_release);
  fetch_next(pushed + bytes.size());
  return true;
}

/// The ring is larger than what a core has at hand: the place of the next line comes while its exchange is under way.
void ByteRing::fetch_next(std::uint64_t begin) {
  constexpr std::size_t kUsualLine = 512;
  for (std::size_t i = 0; i <= kUsualLine; i += kCacheLine) __builtin_prefetch(&bytes_[(begin + i) % kCapacity], 1);
}

bool ByteRing::is_over_half() {
  const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
  if (pushed - popped_seen_ <= kCapacity / 2) return false;
  popped_seen_ = popped_.load(std::memory_order_acquire);
  return pushed - popped_seen_ > kCapacity / 2;
}

std::size_t ByteRing::size() const {
  return pushed_.load(std::memory_order_acquire) - popped_.load(std::memory_order_relaxed);
}

std::string_view ByteRing::front() const {
  const std::size_t at = popped_.load(std::memory_order_relaxed) % kCapacity;
  return {bytes_.get() + at, std::min(size(), kCapacity - at)};
}

void ByteRing::pop(std::size_t size) {
  popped_.store(popped_.load(std::memory_order_relaxed) + size, std::memory_order_release);
}

}  // namespace sandgate::proxy

// byte_ring: bytes from one thread to another, in order, without a lock and without ever waiting.
//
// One producer, one consumer. What does not fit is refused as a whole. The memory is taken from the system only as far
// as it was ever used.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace sandgate::proxy {

class ByteRing {
 public:
  static constexpr std::size_t kCapacity = 1024 * 1024;  ///< Bytes; a power of two.

  ByteRing();

  /// Producer. False: there is no room for all of `bytes`, and none were taken.
  bool push(std::string_view bytes);
  /// Producer. As of the consumer's last step, or an earlier one while the answer is no.
  bool is_over_half();

  /// Consumer. Bytes pushed and not yet popped.
  std::size_t size() const;
  /// Consumer. The first of them, as far as they lie in one piece; empty only when there are none.
  std::string_view front() const;
  /// Consumer. Gives `size` bytes of `front` back.
  void pop(std::size_t size);

 private:
  static constexpr std::size_t kCacheLine = 64;

  void fetch_next(std::uint64_t begin);

  std::unique_ptr<char[]> bytes_;
  alignas(kCacheLine) std::atomic<std::uint64_t> pushed_{0};  ///< Ever; the producer's.
  std::uint64_t popped_seen_ = 0;                             ///< The producer's last look at `popped_`.
  alignas(kCacheLine) std::atomic<std::uint64_t> popped_{0};  ///< Ever; the consumer's.
};

}  // namespace sandgate::proxy

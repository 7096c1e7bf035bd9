// memory_budget: how much of its share of limits.memory a worker uses, and what follows from that (hardening O-MEM).
//
//   under 80 %   everything is served
//   from 80 %    new exchanges are refused (503; REFUSED_STREAM in HTTP/2), idle connections closed, oldest first
//   from 95 %    nothing is accepted; what is open goes on
//
// What is counted is what the worker knows: blocks on lease, and a price for each connection and exchange that stands
// for the objects they are made of. It goes down the moment something ends, which what the kernel says of a process
// does not. The kernel's socket buffers are not in it: each is bounded where the socket is made.
#pragma once

#include <proxy/base/buffer_pool.hpp>
#include <proxy/metrics.hpp>

#include <cstddef>
#include <cstdint>

namespace sandgate::proxy {

class MemoryBudget {
 public:
  enum class Pressure : std::uint8_t { none, high, full };

  // Measured, and rounded up: TLS and HTTP/2 are the larger part of the first, coroutines of the second.
  static constexpr std::size_t kClientConnection = 24 * 1024;
  static constexpr std::size_t kExchange = 8 * 1024;
  static constexpr std::size_t kSandboxConnection = 4 * 1024;

  MemoryBudget(const BufferPool& buffers, const Metrics& metrics) : buffers_(buffers), metrics_(metrics) {}

  void set_limit(std::size_t bytes) { limit_ = bytes; }  ///< 0: none.
  bool has_limit() const { return limit_ > 0; }
  std::size_t used() const;
  Pressure pressure() const;
  /// Whether a new exchange may be taken on; it is remembered when not.
  bool may_begin();
  /// How many idle connections less would be enough for what is used, and for who was refused since this was asked last.
  std::size_t connections_too_many();

 private:
  std::size_t high_mark() const { return limit_ / 100 * 80; }

  const BufferPool& buffers_;
  const Metrics& metrics_;
  std::size_t limit_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace sandgate::proxy

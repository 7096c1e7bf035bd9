// arena: the memory of one exchange, freed at once at its end.
//
// Heads are views; what has to be made (rewritten fields, lists of fields) is bumped out of one leased block. An
// exchange that needs more than the block falls back to the heap.
#pragma once

#include <proxy/base/buffer_pool.hpp>

#include <cstddef>
#include <memory_resource>

namespace sandgate::proxy {

class Arena {
 public:
  explicit Arena(BufferPool& pool) : block_(pool.lease()), memory_(block_.room(), block_.room_size()) {}
  std::pmr::memory_resource* memory() { return &memory_; }

 private:
  Buffer block_;
  std::pmr::monotonic_buffer_resource memory_;
};

}  // namespace sandgate::proxy

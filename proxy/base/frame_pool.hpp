// frame_pool: memory for coroutine frames, recycled per thread.
//
// A frame is made and freed several times per request, always on one thread and in few sizes; a free list per size
// class turns that into two pointer moves, so a warm data path does not call malloc at all.
#pragma once

#include <cstddef>

namespace sandgate::proxy {

/// At least `size` bytes, aligned for any object. Throws std::bad_alloc.
void* allocate_frame(std::size_t size);
/// `size` is the one that was asked for. On the thread that allocated.
void free_frame(void* frame, std::size_t size) noexcept;

}  // namespace sandgate::proxy

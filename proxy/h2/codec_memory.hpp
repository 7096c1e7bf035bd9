// codec_memory: the library's allocations for each stream and frame, out of the thread's small memory.
#pragma once

#include <nghttp2/nghttp2.h>

namespace sandgate::proxy::h2 {

/// For sessions of any thread, each used by one at a time.
nghttp2_mem* codec_memory();

}  // namespace sandgate::proxy::h2

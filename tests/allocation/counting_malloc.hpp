// counting_malloc: how often the threads named "worker" ask for memory. Linked into a program, it replaces malloc.
#pragma once

#include <cstdint>

namespace sandgate::tests {

/// Every malloc, calloc, realloc, aligned_alloc and posix_memalign of a worker thread since the start.
std::uint64_t worker_allocations();

/// From now on OpenSSL's own allocations are not counted: with SSL_MODE_RELEASE_BUFFERS it takes and frees its record
/// buffers around every record, and no option changes that. Before OpenSSL is used.
void leave_out_openssl();

}  // namespace sandgate::tests

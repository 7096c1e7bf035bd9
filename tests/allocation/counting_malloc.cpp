#include <tests/allocation/counting_malloc.hpp>

#include <openssl/crypto.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <pthread.h>
#include <string_view>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);
}

namespace {

std::atomic<std::uint64_t> counted{0};

bool is_worker() {
  std::array<char, 16> name{};
  return pthread_getname_np(pthread_self(), name.data(), name.size()) == 0 && std::string_view(name.data()) == "worker";
}

void count() {
  if (is_worker()) counted.fetch_add(1, std::memory_order_relaxed);
}

void* uncounted_malloc(std::size_t size, const char*, int) { return __libc_malloc(size); }
void* uncounted_realloc(void* memory, std::size_t size, const char*, int) { return __libc_realloc(memory, size); }
void uncounted_free(void* memory, const char*, int) { __libc_free(memory); }

}  // namespace

extern "C" {
void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) {
  count();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  count();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) { __libc_free(memory); }
}

namespace sandgate::tests {

std::uint64_t worker_allocations() { return counted.load(); }

void leave_out_openssl() { CRYPTO_set_mem_functions(&uncounted_malloc, &uncounted_realloc, &uncounted_free); }

}  // namespace sandgate::tests

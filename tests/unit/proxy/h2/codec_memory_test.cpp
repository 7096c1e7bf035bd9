#include <proxy/h2/codec_memory.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstring>
#include <string>

namespace sandgate::proxy::h2 {

TEST_CASE("codec memory: as the C library's", "[h2]") {
  const nghttp2_mem& memory = *codec_memory();
  memory.free(nullptr, memory.mem_user_data);
  char* text = static_cast<char*>(memory.realloc(nullptr, 5, memory.mem_user_data));
  std::memcpy(text, "hello", 5);
  text = static_cast<char*>(memory.realloc(text, 10'000, memory.mem_user_data));
  CHECK(std::string(text, 5) == "hello");
  text = static_cast<char*>(memory.realloc(text, 2, memory.mem_user_data));
  CHECK(std::string(text, 2) == "he");
  memory.free(text, memory.mem_user_data);

  char* dirty = static_cast<char*>(memory.malloc(120, memory.mem_user_data));
  std::memset(dirty, 'x', 120);
  memory.free(dirty, memory.mem_user_data);
  char* const zeroed = static_cast<char*>(memory.calloc(12, 10, memory.mem_user_data));
  CHECK(std::string(zeroed, 120) == std::string(120, '\0'));
  memory.free(zeroed, memory.mem_user_data);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // They end the process that asks for too much.
TEST_CASE("codec memory: too much is null, not an exception", "[h2]") {
  const nghttp2_mem& memory = *codec_memory();
  CHECK(memory.malloc(PTRDIFF_MAX, memory.mem_user_data) == nullptr);
  CHECK(memory.calloc(1, PTRDIFF_MAX, memory.mem_user_data) == nullptr);
  char* const kept = static_cast<char*>(memory.malloc(1, memory.mem_user_data));
  *kept = 'k';
  CHECK(memory.realloc(kept, PTRDIFF_MAX, memory.mem_user_data) == nullptr);
  CHECK(*kept == 'k');
  memory.free(kept, memory.mem_user_data);
}
#endif

}  // namespace sandgate::proxy::h2

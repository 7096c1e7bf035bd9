// rewrite_fuzz: no head, however odd, makes the edge forward what it must not
// (tests/unit/proxy/http/rewrite_invariants).
#include <proxy/http/cdn_loop.hpp>
#include <proxy/http/set_cookie.hpp>
#include <tests/unit/proxy/http/rewrite_invariants.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

void require(const std::string& broken) {
  if (broken.empty()) return;
  std::fprintf(stderr, "broken: %s\n", broken.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace http = sandgate::proxy::http;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  require(http::testing::check_request(input));
  require(http::testing::check_response(input));
  std::pmr::monotonic_buffer_resource memory;
  const std::string_view cookie = http::without_foreign_domain(input, http::testing::kAuthority, &memory);
  require(http::testing::has_foreign_domain(cookie) ? "a wide cookie passed" : "");
  require(http::count_passes(input, "sandgate") > size ? "more passes than bytes" : "");
  return 0;
}

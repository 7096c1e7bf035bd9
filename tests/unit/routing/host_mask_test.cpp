#include <routing/host_mask.hpp>

#include <catch2/catch.hpp>

#include <memory_resource>
#include <string>
#include <string_view>

namespace sandgate::routing {
namespace {

TEST_CASE("host_mask: every placeholder becomes the decimal port", "[routing]") {
  const auto [mask, host] = GENERATE(table<std::string_view, std::string_view>({
      {"localhost:${PORT}", "localhost:8080"},
      {"localhost", "localhost"},
      {"localhost:3000", "localhost:3000"},
      {"${PORT}", "8080"},
      {"${PORT}-${PORT}.example.com:${PORT}", "8080-8080.example.com:8080"},
      {"${PORT}${PORT}", "80808080"},
      {"Example.com", "Example.com"},
      {"127.0.0.1:${PORT}", "127.0.0.1:8080"},
      {"[::1]:${PORT}", "[::1]:8080"},
      {"$PORT.example.com", "$PORT.example.com"},
  }));
  INFO(mask);
  const auto compiled = HostMask::compile(mask);
  REQUIRE(compiled);
  std::string out;
  compiled->append_to(out, 8080);
  CHECK(out == host);
  CHECK(compiled->text() == mask);
}

TEST_CASE("host_mask: what is there stays, in any kind of string", "[routing]") {
  std::pmr::string out = "Host: ";
  HostMask::compile("localhost:${PORT}")->append_to(out, 65535);
  CHECK(out == "Host: localhost:65535");
}

TEST_CASE("host_mask: the shortest and the longest port fit", "[routing]") {
  const auto mask = HostMask::compile("localhost:${PORT}");
  std::string least;
  mask->append_to(least, 1);
  CHECK(least == "localhost:1");
}

TEST_CASE("host_mask: what is not host or host:port for any port is refused", "[routing]") {
  const auto [what, mask] = GENERATE(table<const char*, std::string>({
      {"empty", ""},
      {"space", "local host"},
      {"leading space", " localhost"},
      {"line end", "localhost\r\nX-Evil: 1"},
      {"line feed", "localhost\n"},
      {"tab", "localhost\t"},
      {"NUL", std::string("local\0host", 10)},
      {"delete", "localhost\x7f"},
      {"not ASCII", "h\xc3\xb6st"},
      {"scheme", "http://localhost"},
      {"path", "localhost/"},
      {"query", "localhost?a"},
      {"userinfo", "user@localhost"},
      {"colon without a port", "localhost:"},
      {"no host", ":${PORT}"},
      {"port not a number", "localhost:http"},
      {"two ports", "localhost:${PORT}:${PORT}"},
      {"port too large for large ports", "localhost:1${PORT}"},
      {"port too large", "localhost:65536"},
      {"unknown placeholder", "localhost:${port}"},
      {"open placeholder", "localhost:${PORT"},
      {"placeholder of nothing", "localhost${}"},
      {"IPv6 without brackets", "::1"},
      {"IPv6 group of five digits", "[::${PORT}]"},
      {"escape cut short by a short port", "a%${PORT}"},
      {"too long", std::string(513, 'a')},
  }));
  INFO(what);
  CHECK_FALSE(HostMask::compile(mask));
}

TEST_CASE("host_mask: a mask may be 512 bytes long", "[routing]") { CHECK(HostMask::compile(std::string(512, 'a'))); }

TEST_CASE("host_mask: masks of one text compiled in a row share it", "[routing]") {
  const auto first = HostMask::compile("shared:${PORT}");
  const auto second = HostMask::compile("shared:${PORT}");
  const auto other = HostMask::compile("other:${PORT}");
  CHECK(&first->text() == &second->text());
  CHECK(other->text() == "other:${PORT}");
  CHECK(first->text() == "shared:${PORT}");
}

}  // namespace
}  // namespace sandgate::routing

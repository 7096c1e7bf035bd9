#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::http {
namespace {

using namespace std::string_view_literals;
using testing::find_in_every_cut;
using State = HeadEnd::State;

struct Case {
  std::string_view rule;
  std::string_view bytes;
  State state;
  std::size_t size = 0;
};

TEST_CASE("head end: the first blank line, wherever the bytes are cut", "[http][h1]") {
  const Case cases[] = {
      {"nothing yet", "", State::incomplete},
      {"a whole head", "GET / HTTP/1.1\r\nA: b\r\n\r\n", State::complete, 24},
      {"what follows is not looked at", "GET / HTTP/1.1\r\n\r\n\0\n\r"sv, State::complete, 18},
      {"one empty line before it belongs to it", "\r\nGET / HTTP/1.1\r\n\r\n", State::complete, 20},
      {"an empty line alone", "\r\n", State::incomplete},
      {"no line end", "GET / HTTP/1.1", State::incomplete},
      {"one line end", "GET / HTTP/1.1\r\n", State::incomplete},
      {"half a blank line", "GET / HTTP/1.1\r\n\r", State::incomplete},
      {"obs-text and tabs are for the parser", "A\xff\x80:\t b\r\n\r\n", State::complete, 11},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    const HeadEnd end = find_in_every_cut(one.bytes);
    CHECK(end.state == one.state);
    CHECK(end.size == one.size);
  }
}

TEST_CASE("head end: what no head may hold is refused as soon as it is seen", "[http][h1]") {
  const Case cases[] = {
      {"bare LF after the start line", "GET / HTTP/1.1\n", State::malformed},
      {"bare LF first", "\n", State::malformed},
      {"LF LF", "GET / HTTP/1.1\n\n", State::malformed},
      {"CR CR LF", "GET / HTTP/1.1\r\r\n", State::malformed},
      {"CR and another byte", "GET / HTTP/1.1\rX", State::malformed},
      {"CR X for the blank line", "GET / HTTP/1.1\r\n\rX", State::malformed},
      {"LF for the blank line", "GET / HTTP/1.1\r\n\n", State::malformed},
      {"NUL in the target", "GET /\0"sv, State::malformed},
      {"NUL in a name", "GET / HTTP/1.1\r\nX\0"sv, State::malformed},
      {"vertical tab", "GET / HTTP/1.1\r\nX: a\v", State::malformed},
      {"form feed", "GET / HTTP/1.1\r\nX: a\f", State::malformed},
      {"ESC", "GET / HTTP/1.1\r\nX: \x1b[1m", State::malformed},
      {"DEL", "GET / HTTP/1.1\r\nX: a\x7f", State::malformed},
      {"a second empty line before the head", "\r\n\r\n", State::malformed},
      {"a second empty line, and a request", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", State::malformed},
      {"a TLS record on a plain port", "\x16\x03\x01\x02"sv, State::malformed},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(find_in_every_cut(one.bytes).state == one.state);
  }
}

TEST_CASE("head end: bytes that were looked at are not looked at again", "[http][h1]") {
  std::string bytes = "GET /" + std::string(100, 'a');
  const std::size_t scanned = bytes.size();
  bytes[50] = '\n';
  CHECK(find_head_end(bytes, scanned).state == State::incomplete);
  CHECK(find_head_end(bytes, 0).state == State::malformed);
}

TEST_CASE("head end: over the limit, it is the request line or the fields that were too long", "[http][h1]") {
  CHECK(oversize_failure("GET /aaaaaaaa") == Failure::target_too_long);
  CHECK(oversize_failure("\r\nGET /aaaaaaaa") == Failure::target_too_long);
  CHECK(oversize_failure("GET / HTTP/1.1\r\nA: bbbbbb") == Failure::head_too_large);
  CHECK(oversize_failure("\r\nGET / HTTP/1.1\r\nA: bbbbbb") == Failure::head_too_large);
}

}  // namespace
}  // namespace sandgate::proxy::http

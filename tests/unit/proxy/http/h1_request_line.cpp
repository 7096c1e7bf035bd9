#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::http {
namespace {

using namespace std::string_view_literals;
using testing::read_request;
using testing::request;

struct Case {
  std::string_view rule;
  std::string start_line;
  std::string_view verdict;
};

void check(const Case& one) {
  INFO(one.rule);
  RequestHead head;
  CHECK(read_request(request(one.start_line), head) == one.verdict);
}

TEST_CASE("request line: exactly `method SP target SP HTTP/1.x`", "[http][h1]") {
  const Case cases[] = {
      {"plain", "GET /ok HTTP/1.1", "ok"},
      {"any token is a method", "PROPFIND /ok HTTP/1.1", "ok"},
      {"every kind of tchar", "A!#$%&'*+-.^_`|~9 / HTTP/1.1", "ok"},
      {"methods have case", "get / HTTP/1.1", "ok"},
      {"a method of 64 bytes", std::string(64, 'A') + " / HTTP/1.1", "ok"},
      {"a method of 65 bytes", std::string(65, 'A') + " / HTTP/1.1", "bad_request"},
      {"a method of 16 KiB", std::string(16384, 'A') + " / HTTP/1.1", "bad_request"},
      {"a colon in the method", "GE:T / HTTP/1.1", "bad_request"},
      {"obs-text in the method", "G\xc3\x89T / HTTP/1.1", "bad_request"},
      {"no method", " / HTTP/1.1", "bad_request"},
      {"leading space", " GET / HTTP/1.1", "bad_request"},
      {"two spaces before the target", "GET  /ok HTTP/1.1", "bad_request"},
      {"two spaces before the version", "GET /ok  HTTP/1.1", "bad_request"},
      {"tab after the method", "GET\t/ok HTTP/1.1", "bad_request"},
      {"tab after the target", "GET /ok\tHTTP/1.1", "bad_request"},
      {"trailing space", "GET /ok HTTP/1.1 ", "bad_request"},
      {"trailing tab", "GET /ok HTTP/1.1\t", "bad_request"},
      {"trailing word", "GET /ok HTTP/1.1 x", "bad_request"},
      {"space in the target", "GET /a b HTTP/1.1", "bad_request"},
      {"no target", "GET HTTP/1.1", "bad_request"},
      {"empty target", "GET  HTTP/1.1", "bad_request"},
      {"method alone", "GET", "bad_request"},
      {"empty line in the middle of nothing", "", "bad_request"},
  };
  for (const Case& one : cases) check(one);
}

TEST_CASE("request line: versions", "[http][h1]") {
  const Case cases[] = {
      {"1.0", "GET / HTTP/1.0", "ok"},
      {"1.2 is read as 1.1", "GET / HTTP/1.2", "ok"},
      {"1.9 is read as 1.1", "GET / HTTP/1.9", "ok"},
      {"2.0", "GET / HTTP/2.0", "unsupported_version"},
      {"0.9", "GET / HTTP/0.9", "unsupported_version"},
      {"9.9", "GET / HTTP/9.9", "unsupported_version"},
      {"3.0", "GET / HTTP/3.0", "unsupported_version"},
      {"two digits of minor", "GET / HTTP/1.10", "bad_request"},
      {"two digits of major", "GET / HTTP/11.1", "bad_request"},
      {"no minor", "GET / HTTP/1", "bad_request"},
      {"no digits", "GET / HTTP/x.y", "bad_request"},
      {"comma", "GET / HTTP/1,1", "bad_request"},
      {"lower case", "GET / http/1.1", "bad_request"},
      {"mixed case", "GET / HtTP/1.1", "bad_request"},
      {"another protocol", "GET / ICAP/1.1", "bad_request"},
      {"space inside", "GET / HTTP/ 1.1", "bad_request"},
      {"superscript one", "GET / HTTP/\xb9.1", "bad_request"},
      {"HTTP/0.9 has no version", "GET /", "bad_request"},
      {"HTTP/0.9 with a space", "GET / ", "bad_request"},
      {"the preface of HTTP/2 is not forwarded", "PRI * HTTP/2.0", "unsupported_version"},
  };
  for (const Case& one : cases) check(one);
}

TEST_CASE("request line: the version decides what the head is read as", "[http][h1]") {
  RequestHead head;
  REQUIRE(read_request(request("GET / HTTP/1.0"), head) == "ok");
  CHECK(head.version == Version::http_1_0);
  REQUIRE(read_request(request("GET / HTTP/1.7"), head) == "ok");
  CHECK(head.version == Version::http_1_1);
}

TEST_CASE("request line: target bytes are visible ASCII without `#`", "[http][h1]") {
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    const bool is_allowed = byte > 0x20 && byte < 0x7f && byte != '#';
    RequestHead head;
    const std::string bytes = request("GET /a" + std::string(1, static_cast<char>(byte)) + "b HTTP/1.1");
    CHECK(read_request(bytes, head) == (is_allowed ? "ok" : "bad_request"));
  }
}

TEST_CASE("request line: CONNECT and TRACE are not allowed, whatever their target", "[http][h1]") {
  const Case cases[] = {
      {"CONNECT in its own form", "CONNECT 8080-sbx1.sandbox.test:443 HTTP/1.1", "method_not_allowed"},
      {"CONNECT with a path", "CONNECT / HTTP/1.1", "method_not_allowed"},
      {"TRACE", "TRACE / HTTP/1.1", "method_not_allowed"},
      {"TRACE of HTTP/1.0", "TRACE / HTTP/1.0", "method_not_allowed"},
      {"another method in authority-form", "GET 8080-sbx1.sandbox.test:443 HTTP/1.1", "bad_request"},
      {"connect in lower case is no CONNECT", "connect example.test:443 HTTP/1.1", "bad_request"},
  };
  for (const Case& one : cases) check(one);
}

struct Target {
  std::string_view rule;
  std::string_view start_line;
  std::string_view target;
  std::string_view authority = "8080-sbx1.sandbox.test";
};

TEST_CASE("request target: what is forwarded, and the authority it is for", "[http][h1]") {
  const Target cases[] = {
      {"origin-form byte for byte", "GET /a//b/../%2F%00%0d%0a?x=\"<>{}|\\^` HTTP/1.1",
       "/a//b/../%2F%00%0d%0a?x=\"<>{}|\\^`"},
      {"two slashes are a path", "GET //evil.test/x HTTP/1.1", "//evil.test/x"},
      {"OPTIONS *", "OPTIONS * HTTP/1.1", "*"},
      {"OPTIONS with a path", "OPTIONS /a HTTP/1.1", "/a"},
      {"absolute-form", "GET http://8080-sbx1.sandbox.test/a?b HTTP/1.1", "/a?b"},
      {"absolute-form of https", "GET https://8080-sbx1.sandbox.test/ HTTP/1.1", "/"},
      {"a scheme has no case", "GET HTTP://8080-sbx1.sandbox.test/a HTTP/1.1", "/a"},
      {"the target's authority replaces Host's", "GET http://8080-SBX1.sandbox.test/a HTTP/1.1", "/a",
       "8080-SBX1.sandbox.test"},
      {"a trailing dot agrees", "GET http://8080-sbx1.sandbox.test./a HTTP/1.1", "/a", "8080-sbx1.sandbox.test."},
      {"an empty path is /", "GET http://8080-sbx1.sandbox.test HTTP/1.1", "/"},
      {"an empty path is * for OPTIONS", "OPTIONS http://8080-sbx1.sandbox.test HTTP/1.1", "*"},
      {"OPTIONS of the root", "OPTIONS http://8080-sbx1.sandbox.test/ HTTP/1.1", "/"},
      {"a query without a path", "GET http://8080-sbx1.sandbox.test?a=/b HTTP/1.1", "/?a=/b"},
      {"OPTIONS of a query without a path", "OPTIONS http://8080-sbx1.sandbox.test?a HTTP/1.1", "/?a"},
      {"an address in the path is a path", "GET /http://other.test/ HTTP/1.1", "/http://other.test/"},
  };
  for (const Target& one : cases) {
    INFO(one.rule);
    RequestHead head;
    const std::string bytes = request(one.start_line);
    REQUIRE(read_request(bytes, head) == "ok");
    CHECK(head.target == one.target);
    CHECK(head.authority == one.authority);
  }
}

TEST_CASE("request target: any other form is refused", "[http][h1]") {
  const Case cases[] = {
      {"* for another method than OPTIONS", "GET * HTTP/1.1", "bad_request"},
      {"** ", "OPTIONS ** HTTP/1.1", "bad_request"},
      {"a relative path", "GET ok HTTP/1.1", "bad_request"},
      {"a query alone", "GET ?a HTTP/1.1", "bad_request"},
      {"another scheme", "GET ftp://8080-sbx1.sandbox.test/ HTTP/1.1", "bad_request"},
      {"ws is not a scheme of requests", "GET ws://8080-sbx1.sandbox.test/ HTTP/1.1", "bad_request"},
      {"one slash", "GET http:/8080-sbx1.sandbox.test/ HTTP/1.1", "bad_request"},
      {"no scheme", "GET ://8080-sbx1.sandbox.test/ HTTP/1.1", "bad_request"},
      {"no host", "GET http:///ok HTTP/1.1", "bad_request"},
      {"no host but a query", "GET http://?ok HTTP/1.1", "bad_request"},
      {"only a port", "GET http://:80/ok HTTP/1.1", "bad_request"},
      {"userinfo", "GET http://x@8080-sbx1.sandbox.test/ HTTP/1.1", "bad_request"},
      {"userinfo that looks like the host", "GET http://8080-sbx1.sandbox.test:x@evil.test/ HTTP/1.1", "bad_request"},
      {"another host", "GET http://8081-evil.sandbox.test/ HTTP/1.1", "bad_request"},
      {"another port", "GET http://8080-sbx1.sandbox.test:81/ HTTP/1.1", "bad_request"},
      {"the default port, which Host does not say", "GET http://8080-sbx1.sandbox.test:80/ HTTP/1.1", "bad_request"},
      {"backslashes", "GET http:\\\\8080-sbx1.sandbox.test\\ HTTP/1.1", "bad_request"},
      {"a fragment", "GET /a#b HTTP/1.1", "bad_request"},
      {"a fragment in absolute-form", "GET http://8080-sbx1.sandbox.test/#b HTTP/1.1", "bad_request"},
  };
  for (const Case& one : cases) check(one);
}

TEST_CASE("request line: one empty line before it is skipped, two are not", "[http][h1]") {
  RequestHead head;
  const std::string plain = request("GET /ok HTTP/1.1");
  const std::string preceded = "\r\n" + plain;
  REQUIRE(read_request(preceded, head) == "ok");
  CHECK(head.target == "/ok");
  CHECK(read_request("\r\n\r\n" + plain, head) == "bad_request");
  CHECK(parse_request("\r\n\r\n" + plain, testing::kLimits, head).error() == Failure::bad_request);
}

TEST_CASE("request line: a target over the limit is too long, one at the limit is not", "[http][h1]") {
  const HeadLimits limits{4096, 10, 100};
  RequestHead head;
  CHECK(read_request(request("GET /" + std::string(99, 'a') + " HTTP/1.1"), head, limits) == "ok");
  CHECK(read_request(request("GET /" + std::string(100, 'a') + " HTTP/1.1"), head, limits) == "target_too_long");
  CHECK(read_request(request("GET /" + std::string(8000, 'a') + " HTTP/1.1"), head) == "ok");
}

TEST_CASE("request line: what was understood before the failure is there for the log", "[http][h1]") {
  RequestHead head;
  const std::string bad_version = request("PUT /a HTTP/2.0");
  REQUIRE(read_request(bad_version, head) == "unsupported_version");
  CHECK(head.method == "PUT");
  CHECK(head.target == "/a");
  const std::string bad_field = request("PUT /b HTTP/1.0", "X Y: 1\r\n");
  REQUIRE(read_request(bad_field, head) == "bad_request");
  CHECK(head.target == "/b");
  CHECK(head.version == Version::http_1_0);
  CHECK_FALSE(head.keep_alive);
  const std::string bad_method = request("@ /c HTTP/1.1");
  REQUIRE(read_request(bad_method, head) == "bad_request");
  CHECK(head.method.empty());
  CHECK(head.target.empty());
}

}  // namespace
}  // namespace sandgate::proxy::http

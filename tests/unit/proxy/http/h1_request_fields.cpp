#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

#include <memory_resource>

namespace sandgate::proxy::http {
namespace {

using namespace std::string_view_literals;
using testing::describe;
using testing::read_request;
using testing::request;

struct Case {
  std::string_view rule;
  std::string_view fields;
  std::string_view verdict;
};

TEST_CASE("field line: name, colon, text, CRLF, and nothing else", "[http][h1]") {
  const Case cases[] = {
      {"no other field", "", "ok"},
      {"no white space", "A:b\r\n", "ok"},
      {"an empty value", "A:\r\n", "ok"},
      {"a value of white space", "A: \t \r\n", "ok"},
      {"every kind of tchar", "!#$%&'*+-.^_`|~9aZ: b\r\n", "ok"},
      {"obs-text in a value", "A: \x80\xc3\xa9\xff\r\n", "ok"},
      {"colons in a value", "A: b:c: d\r\n", "ok"},
      {"underscores are for the rewriter", "Content_Length: 64\r\nTransfer_Encoding: chunked\r\n", "ok"},
      {"space before the colon", "A : b\r\n", "bad_request"},
      {"tab before the colon", "A\t: b\r\n", "bad_request"},
      {"space in a name", "A B: c\r\n", "bad_request"},
      {"an empty name", ": b\r\n", "bad_request"},
      {"a colon alone", ":\r\n", "bad_request"},
      {"no colon", "NoColonHere\r\n", "bad_request"},
      {"obs-fold by space", "A: b\r\n c\r\n", "bad_request"},
      {"obs-fold by tab", "A: b\r\n\tc\r\n", "bad_request"},
      {"obs-fold of an empty value", "A:\r\n b\r\n", "bad_request"},
      {"a line of white space", "A: b\r\n \r\n", "bad_request"},
      {"bare LF ends a line", "A: b\nC: d\r\n", "bad_request"},
      {"bare CR in a value", "A: b\rSmuggled: c\r\n", "bad_request"},
      {"CR CR LF", "A: b\r\r\n", "bad_request"},
      {"NUL in a value", "A: b\0c\r\n"sv, "bad_request"},
      {"NUL in a name", "A\0B: c\r\n"sv, "bad_request"},
      {"vertical tab in a value", "A: b\vc\r\n", "bad_request"},
      {"form feed after a name", "A\f: b\r\n", "bad_request"},
      {"DEL in a value", "A: b\x7f\r\n", "bad_request"},
      {"obs-text in a name", "A\x85: b\r\n", "bad_request"},
      {"quotes in a name", "\"A\": b\r\n", "bad_request"},
      {"parentheses in a name", "A(b): c\r\n", "bad_request"},
      {"a slash in a name", "A/b: c\r\n", "bad_request"},
      {"brackets in a name", "A[0]: c\r\n", "bad_request"},
      {"a UTF-8 byte order mark in a name",
       "\xef\xbb\xbf"
       "A: b\r\n",
       "bad_request"},
      {"the second line is looked at too", "A: b\r\nC : d\r\n", "bad_request"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    RequestHead head;
    CHECK(read_request(request("GET / HTTP/1.1", one.fields), head) == one.verdict);
  }
}

TEST_CASE("field line: one before any name is refused", "[http][h1]") {
  RequestHead head;
  CHECK(read_request("GET / HTTP/1.1\r\n Host: 8080-sbx1.sandbox.test\r\n\r\n", head) == "bad_request");
  CHECK(read_request("GET / HTTP/1.1\r\n\tA: b\r\nHost: 8080-sbx1.sandbox.test\r\n\r\n", head) == "bad_request");
}

TEST_CASE("fields: order, repetition, case and inner white space are kept, Host is taken out", "[http][h1]") {
  const std::string bytes =
      "GET / HTTP/1.1\r\nB:  2 \t 3 \t\r\nhOST: a.test\r\na:\r\nb: 1\r\nConnection: x\r\nA: \xff\r\n\r\n";
  RequestHead head;
  REQUIRE(read_request(bytes, head) == "ok");
  CHECK(describe(head.fields) == "B: 2 \t 3|a: |b: 1|Connection: x|A: \xff");
  CHECK(head.authority == "a.test");
}

TEST_CASE("Host: exactly one, and it is `uri-host [:port]`", "[http][h1]") {
  const Case cases[] = {
      {"a name and a port", "Host: 8080-sbx1.sandbox.test:8443\r\n", "ok"},
      {"white space around it", "Host:\t a.test \t\r\n", "ok"},
      {"a bare name is for routing to refuse", "Host: a\r\n", "ok"},
      {"IPv4", "Host: 127.0.0.1:8080\r\n", "ok"},
      {"IPv6", "Host: [::1]:8080\r\n", "ok"},
      {"a trailing dot", "Host: a.test.\r\n", "ok"},
      {"an empty port", "Host: a.test:\r\n", "ok"},
      {"none", "A: b\r\n", "bad_request"},
      {"empty", "Host:\r\n", "bad_request"},
      {"two that differ", "Host: a.test\r\nHost: b.test\r\n", "bad_request"},
      {"two that are the same", "Host: a.test\r\nhost: a.test\r\n", "bad_request"},
      {"two, one empty", "Host:\r\nHost: a.test\r\n", "bad_request"},
      {"a list", "Host: a.test, b.test\r\n", "bad_request"},
      {"a space inside", "Host: a.test b.test\r\n", "bad_request"},
      {"userinfo", "Host: x@a.test\r\n", "bad_request"},
      {"a path", "Host: a.test/x\r\n", "bad_request"},
      {"a query", "Host: a.test?x\r\n", "bad_request"},
      {"a fragment", "Host: a.test#x\r\n", "bad_request"},
      {"a scheme", "Host: http://a.test\r\n", "bad_request"},
      {"letters in the port", "Host: a.test:80x\r\n", "bad_request"},
      {"a sign in the port", "Host: a.test:+80\r\n", "bad_request"},
      {"a port over 65535", "Host: a.test:65536\r\n", "bad_request"},
      {"two ports", "Host: a.test:80:80\r\n", "bad_request"},
      {"only a port", "Host: :80\r\n", "bad_request"},
      {"IPv6 without brackets", "Host: ::1\r\n", "bad_request"},
      {"an open bracket", "Host: [::1\r\n", "bad_request"},
      {"obs-text", "Host: \xc3\xa9.test\r\n", "bad_request"},
      {"a NUL", "Host: a.test\0.evil.test\r\n"sv, "bad_request"},
      {"folded", "Host:\r\n a.test\r\n", "bad_request"},
      {"a space before the colon", "Host : a.test\r\n", "bad_request"},
      {"a backslash", "Host: a\\b.test\r\n", "bad_request"},
  };
  for (const Case& one : cases) {
    for (const std::string_view version : {"1.0", "1.1"}) {
      INFO(one.rule << " in HTTP/" << version);
      RequestHead head;
      const std::string bytes = "GET / HTTP/" + std::string(version) + "\r\n" + std::string(one.fields) + "\r\n";
      CHECK(read_request(bytes, head) == one.verdict);
    }
  }
}

TEST_CASE("head limits: as many fields and bytes as allowed, and not one more", "[http][h1]") {
  const auto with_fields = [](std::size_t count) {
    std::string lines;
    for (std::size_t i = 0; i < count; ++i) lines += "A: b\r\n";
    return request("GET / HTTP/1.1", lines);
  };
  RequestHead head;
  CHECK(read_request(with_fields(127), head) == "ok");  // Host is the 128th.
  CHECK(read_request(with_fields(128), head) == "head_too_large");

  const std::string bytes = request("GET / HTTP/1.1", "A: b\r\n");
  CHECK(read_request(bytes, head, {bytes.size(), 10, 10}) == "ok");
  CHECK(read_request(bytes, head, {bytes.size() - 1, 10, 10}) == "head_too_large");
}

TEST_CASE("head: bytes that are not exactly one head are refused, not read beyond", "[http][h1]") {
  const std::string whole = request("GET / HTTP/1.1", "A: b\r\n");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const std::string part = whole.substr(0, size);  // Its own allocation, so that ASan sees a read past it.
    RequestHead head;
    CHECK(parse_request(part, testing::kLimits, head).error() == Failure::bad_request);
  }
  RequestHead head;
  CHECK(parse_request(whole + "x", testing::kLimits, head).error() == Failure::bad_request);
}

TEST_CASE("head: nothing of an earlier request is left in it", "[http][h1]") {
  RequestHead head;
  const std::string full =
      request("POST http://8080-sbx1.sandbox.test?q HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 5\r\n");
  REQUIRE(read_request(full, head) == "ok");
  const std::string upgrade = request("GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n");
  REQUIRE(read_request(upgrade, head) == "ok");
  CHECK(head.body == BodyLength{});
  CHECK_FALSE(head.expects_continue);
  CHECK(head.made_target.empty());
  const std::string plain = request("GET / HTTP/1.0");
  REQUIRE(read_request(plain, head) == "ok");
  CHECK(head.upgrade.empty());
  CHECK(head.fields.empty());
  CHECK_FALSE(head.keep_alive);
}

class CountingMemory : public std::pmr::memory_resource {
 public:
  std::size_t allocations = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++allocations;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* place, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(place, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

TEST_CASE("head: with room reserved for its fields, parsing allocates nothing", "[http][h1]") {
  CountingMemory memory;
  RequestHead head(&memory);
  head.fields.reserve(16);
  const std::size_t before = memory.allocations;
  REQUIRE(before == 1);
  std::pmr::memory_resource* const old_default = std::pmr::set_default_resource(&memory);
  const std::string bytes = request("POST http://8080-sbx1.sandbox.test/a?b HTTP/1.1",
                                    "User-Agent: curl/8\r\nAccept: */*\r\nConnection: keep-alive, Upgrade\r\n"
                                    "Upgrade: h2c, websocket\r\nExpect: 100-continue\r\nCookie: a=b; c=d\r\n"
                                    "Accept-Encoding: gzip, br\r\nTransfer-Encoding: chunked\r\n");
  for (int i = 0; i < 10; ++i) CHECK(parse_request(bytes, testing::kLimits, head).has_value());
  std::pmr::set_default_resource(old_default);
  CHECK(head.fields.size() == 8);
  CHECK(memory.allocations == before);
}

}  // namespace
}  // namespace sandgate::proxy::http

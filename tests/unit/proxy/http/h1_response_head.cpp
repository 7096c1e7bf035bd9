#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::http {
namespace {

using namespace std::string_view_literals;
using testing::describe;
using testing::read_response;
using testing::response;

constexpr std::string_view kInvalid = "response_invalid";

TEST_CASE("status line: `HTTP/1.x SP 3DIGIT [SP reason]`", "[http][h1]") {
  struct Case {
    std::string_view rule;
    std::string_view status_line;
    std::string_view verdict;
    std::uint16_t status = 0;
    std::string_view reason = "";
  };
  const Case cases[] = {
      {"plain", "HTTP/1.1 200 OK", "ok", 200, "OK"},
      {"1.0", "HTTP/1.0 404 Not Found", "ok", 404, "Not Found"},
      {"no reason", "HTTP/1.1 200 ", "ok", 200},
      {"no space after the code", "HTTP/1.1 200", "ok", 200},
      {"the smallest", "HTTP/1.1 100 Continue", "ok", 100, "Continue"},
      {"the largest", "HTTP/1.1 599 x", "ok", 599, "x"},
      {"an unknown code", "HTTP/1.1 299 x", "ok", 299, "x"},
      {"text in the reason", "HTTP/1.1 200 \ta\xc3\xa9 b", "ok", 200, "\ta\xc3\xa9 b"},
      {"0xx", "HTTP/1.1 099 x", kInvalid},
      {"000", "HTTP/1.1 000 x", kInvalid},
      {"6xx", "HTTP/1.1 600 x", kInvalid},
      {"999", "HTTP/1.1 999 x", kInvalid},
      {"two digits", "HTTP/1.1 20 OK", kInvalid},
      {"four digits", "HTTP/1.1 2000 OK", kInvalid},
      {"no code", "HTTP/1.1 OK", kInvalid},
      {"no code and no reason", "HTTP/1.1 ", kInvalid},
      {"a sign", "HTTP/1.1 +20 OK", kInvalid},
      {"hexadecimal", "HTTP/1.1 0xc OK", kInvalid},
      {"letters after the code", "HTTP/1.1 200OK", kInvalid},
      {"a tab after the code", "HTTP/1.1 200\tOK", kInvalid},
      {"two spaces", "HTTP/1.1  200 OK", kInvalid},
      {"a tab", "HTTP/1.1\t200 OK", kInvalid},
      {"a leading space", " HTTP/1.1 200 OK", kInvalid},
      {"HTTP/2.0", "HTTP/2.0 200 OK", kInvalid},
      {"HTTP/1.2", "HTTP/1.2 200 OK", kInvalid},
      {"HTTP/0.9", "HTTP/0.9 200 OK", kInvalid},
      {"HTTP/1.10", "HTTP/1.10 200 OK", kInvalid},
      {"HTTP/1", "HTTP/1 200 OK", kInvalid},
      {"lower case", "http/1.1 200 OK", kInvalid},
      {"another protocol", "ICY 200 OK", kInvalid},
      {"not HTTP at all", "SSH-2.0-OpenSSH_9.2", kInvalid},
      {"a bare CR in the reason", "HTTP/1.1 200 O\rK", kInvalid},
      {"a NUL in the reason", "HTTP/1.1 200 O\0K"sv, kInvalid},
      {"an ESC in the reason", "HTTP/1.1 200 \x1b[1m", kInvalid},
      {"an empty line before it", "\r\nHTTP/1.1 200 OK", kInvalid},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    ResponseHead head;
    const std::string bytes = response(one.status_line);
    REQUIRE(read_response(bytes, {}, head) == one.verdict);
    if (one.verdict != "ok") continue;
    CHECK(head.status == one.status);
    CHECK(head.reason == one.reason);
  }
}

struct Case {
  std::string_view rule;
  std::string_view fields;
  std::string_view outcome;  ///< The body of a valid head, or the failure.
  std::string_view status_line = "HTTP/1.1 200 OK";
};

std::string outcome_of(const Case& one, const ResponseContext& context = {}) {
  ResponseHead head;
  const std::string bytes = response(one.status_line, one.fields);
  std::string verdict = read_response(bytes, context, head);
  return verdict == "ok" ? describe(head.body) : verdict;
}

TEST_CASE("response fields: the same strict reader as for requests", "[http][h1]") {
  const Case cases[] = {
      {"fields", "Content-Type: text/plain\r\nX:\r\n", "until_end"},
      {"space before the colon", "X-Foo : a\r\n", kInvalid},
      {"an empty name", ": a\r\n", kInvalid},
      {"no colon", "X-Foo\r\n", kInvalid},
      {"obs-fold", "X-Foo: a\r\n b\r\n", kInvalid},
      {"bare CR", "X-Foo: a\rX-Inj: 1\r\n", kInvalid},
      {"bare LF", "X-Foo: a\nX-Inj: 1\r\n", kInvalid},
      {"NUL", "X-Foo: a\0\r\n"sv, kInvalid},
      {"DEL", "X-Foo: a\x7f\r\n", kInvalid},
      {"obs-text in a name", "X\x80: a\r\n", kInvalid},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(outcome_of(one) == one.outcome);
  }
  ResponseHead head;
  CHECK(read_response("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", {}, head) == kInvalid);
}

TEST_CASE("response framing: decided once, and strictly", "[http][h1]") {
  const Case cases[] = {
      {"a length", "Content-Length: 5\r\n", "length 5"},
      {"a length of 0 is said", "Content-Length: 0\r\n", "length 0"},
      {"a length in 1.0", "Content-Length: 5\r\n", "length 5", "HTTP/1.0 200 OK"},
      {"chunked", "Transfer-Encoding: Chunked\r\n", "chunked"},
      {"neither ends with the connection", "", "until_end"},
      {"neither in 1.0", "", "until_end", "HTTP/1.0 200 OK"},
      {"plus", "Content-Length: +5\r\n", kInvalid},
      {"minus", "Content-Length: -1\r\n", kInvalid},
      {"empty", "Content-Length:\r\n", kInvalid},
      {"junk", "Content-Length: 5x\r\n", kInvalid},
      {"2^63", "Content-Length: 9223372036854775808\r\n", kInvalid},
      {"2^64+5", "Content-Length: 18446744073709551621\r\n", kInvalid},
      {"two that differ", "Content-Length: 5\r\nContent-Length: 6\r\n", kInvalid},
      {"two that are the same", "Content-Length: 5\r\nContent-Length: 5\r\n", kInvalid},
      {"a list of equals", "Content-Length: 5, 5\r\n", kInvalid},
      {"both", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", kInvalid},
      {"both, the other way round", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", kInvalid},
      {"chunked twice", "Transfer-Encoding: chunked, chunked\r\n", kInvalid},
      {"two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", kInvalid},
      {"chunked not last", "Transfer-Encoding: chunked, gzip\r\n", kInvalid},
      {"a coding before it", "Transfer-Encoding: gzip, chunked\r\n", kInvalid},
      {"an unknown coding", "Transfer-Encoding: cow\r\n", kInvalid},
      {"identity", "Transfer-Encoding: identity\r\n", kInvalid},
      {"empty coding", "Transfer-Encoding:\r\n", kInvalid},
      {"chunked in 1.0", "Transfer-Encoding: chunked\r\n", kInvalid, "HTTP/1.0 200 OK"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(outcome_of(one) == one.outcome);
  }
}

TEST_CASE("response framing: no body after HEAD, 1xx, 204 and 304", "[http][h1]") {
  struct Bodyless {
    std::string_view rule;
    std::string_view status_line;
    bool is_head_request;
    std::string_view fields;
    std::string_view left;  ///< Of the fields.
    bool keep_alive = true;
  };
  const Bodyless cases[] = {
      {"HEAD keeps what a GET would have said", "HTTP/1.1 200 OK", true, "Content-Length: 5\r\nA: b\r\n",
       "Content-Length: 5|A: b"},
      {"HEAD of a chunked body", "HTTP/1.1 200 OK", true, "Transfer-Encoding: chunked\r\nA: b\r\n", "A: b"},
      {"HEAD without framing keeps the connection", "HTTP/1.1 200 OK", true, "A: b\r\n", "A: b"},
      {"HEAD answered by 204", "HTTP/1.1 204 No Content", true, "Content-Length: 5\r\n", "", false},
      {"304 keeps its length", "HTTP/1.1 304 Not Modified", false, "Content-Length: 500\r\nETag: x\r\n",
       "Content-Length: 500|ETag: x"},
      {"304 of a chunked body", "HTTP/1.1 304 Not Modified", false, "Transfer-Encoding: chunked\r\n", ""},
      {"204", "HTTP/1.1 204 No Content", false, "A: b\r\n", "A: b"},
      {"204 with a length of 0", "HTTP/1.1 204 No Content", false, "Content-Length: 0\r\n", ""},
      {"204 that announces a body is not reused", "HTTP/1.1 204 No Content", false, "Content-Length: 57\r\n", "",
       false},
      {"nor a chunked 204", "HTTP/1.1 204 No Content", false, "Transfer-Encoding: chunked\r\n", "", false},
      {"100", "HTTP/1.1 100 Continue", false, "", ""},
      {"103 with a length", "HTTP/1.1 103 Early Hints", false, "Content-Length: 57\r\nLink: x\r\n", "Link: x"},
      {"102 and chunked", "HTTP/1.1 102 Processing", false, "Transfer-Encoding: chunked\r\n", ""},
  };
  for (const Bodyless& one : cases) {
    INFO(one.rule);
    ResponseHead head;
    const std::string bytes = response(one.status_line, one.fields);
    REQUIRE(read_response(bytes, {one.is_head_request, {}}, head) == "ok");
    CHECK(describe(head.body) == "none");
    CHECK(describe(head.fields) == one.left);
    CHECK(head.keep_alive == one.keep_alive);
  }
  CHECK(outcome_of({"", "Content-Length: x\r\n", "", "HTTP/1.1 204 No Content"}) == kInvalid);
  CHECK(outcome_of({"", "Content-Length: 5\r\nContent-Length: 6\r\n", "", "HTTP/1.1 304 x"}) == kInvalid);
}

TEST_CASE("response framing: its fields are taken out, everything else stays as sent", "[http][h1]") {
  ResponseHead head;
  const std::string bytes = response("HTTP/1.1 200 OK",
                                     "Set-Cookie: a=1\r\ncontent-length: 5\r\nSet-Cookie: b=2, c\r\n"
                                     "Connection: X-Secret\r\nX-Accel-Redirect: /x\r\n");
  REQUIRE(read_response(bytes, {}, head) == "ok");
  CHECK(describe(head.fields) == "Set-Cookie: a=1|Set-Cookie: b=2, c|Connection: X-Secret|X-Accel-Redirect: /x");
  CHECK(describe(head.body) == "length 5");
  const std::string chunked = response("HTTP/1.1 200 OK", "TRANSFER-encoding: chunked\r\nA: b\r\n");
  REQUIRE(read_response(chunked, {}, head) == "ok");
  CHECK(describe(head.fields) == "A: b");
}

TEST_CASE("response connection: whether it may be used again", "[http][h1]") {
  struct Connection {
    std::string_view status_line;
    std::string_view fields;
    bool keep_alive;
  };
  const Connection cases[] = {
      {"HTTP/1.1 200 OK", "Content-Length: 5\r\n", true},
      {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", true},
      {"HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: close\r\n", false},
      {"HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: a, Close\r\n", false},
      {"HTTP/1.1 200 OK", "", false},
      {"HTTP/1.1 200 OK", "Connection: keep-alive\r\n", false},
      {"HTTP/1.0 200 OK", "Content-Length: 5\r\n", false},
      {"HTTP/1.0 200 OK", "Content-Length: 5\r\nConnection: keep-alive\r\n", true},
      {"HTTP/1.1 204 No Content", "Connection: close\r\n", false},
  };
  for (const Connection& one : cases) {
    INFO(one.status_line << " " << one.fields);
    ResponseHead head;
    REQUIRE(read_response(response(one.status_line, one.fields), {}, head) == "ok");
    CHECK(head.keep_alive == one.keep_alive);
  }
}

TEST_CASE("101: only as the answer to the upgrade that was asked for", "[http][h1]") {
  struct Switch {
    std::string_view rule;
    std::string_view fields;
    std::string_view verdict;
    std::string_view asked = "websocket";
    std::string_view status_line = "HTTP/1.1 101 Switching Protocols";
  };
  const Switch cases[] = {
      {"what was asked for", "Connection: upgrade\r\nUpgrade: websocket\r\n", "ok"},
      {"without case", "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n", "ok"},
      {"framing fields mean nothing", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n", "ok"},
      {"another protocol that was asked for", "Connection: upgrade\r\nUpgrade: foo/2\r\n", "ok", "foo/2"},
      {"nobody asked", "Connection: upgrade\r\nUpgrade: websocket\r\n", kInvalid, ""},
      {"nobody asked, and nothing is said", "", kInvalid, ""},
      {"nobody asked, and nothing is offered", "Connection: upgrade\r\nUpgrade:\r\n", kInvalid, ""},
      {"another protocol", "Connection: upgrade\r\nUpgrade: smtp\r\n", kInvalid},
      {"h2c", "Connection: upgrade\r\nUpgrade: h2c\r\n", kInvalid},
      {"a list", "Connection: upgrade\r\nUpgrade: websocket, foo\r\n", kInvalid},
      {"two Upgrade lines", "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n", kInvalid},
      {"no Upgrade", "Connection: upgrade\r\n", kInvalid},
      {"no Connection", "Upgrade: websocket\r\n", kInvalid},
      {"Connection without upgrade", "Connection: keep-alive\r\nUpgrade: websocket\r\n", kInvalid},
      {"HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", kInvalid, "websocket", "HTTP/1.0 101 x"},
      {"broken framing", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: x\r\n", kInvalid},
  };
  for (const Switch& one : cases) {
    INFO(one.rule);
    ResponseHead head;
    const std::string bytes = response(one.status_line, one.fields);
    REQUIRE(read_response(bytes, {false, one.asked}, head) == one.verdict);
    if (one.verdict != "ok") continue;
    CHECK(describe(head.body) == "until_end");
    CHECK_FALSE(head.keep_alive);
    CHECK_FALSE(head.is_interim());
  }
}

TEST_CASE("101: another answer to an upgrade is an ordinary response", "[http][h1]") {
  ResponseHead head;
  const std::string bytes = response("HTTP/1.1 426 Upgrade Required", "Upgrade: websocket\r\nContent-Length: 0\r\n");
  REQUIRE(read_response(bytes, {false, "websocket"}, head) == "ok");
  CHECK(describe(head.body) == "length 0");
  CHECK(head.keep_alive);
}

TEST_CASE("interim responses: every 1xx but 101", "[http][h1]") {
  ResponseHead head;
  REQUIRE(read_response(response("HTTP/1.1 103 Early Hints"), {}, head) == "ok");
  CHECK(head.is_interim());
  REQUIRE(read_response(response("HTTP/1.1 199 x"), {}, head) == "ok");
  CHECK(head.is_interim());
  REQUIRE(read_response(response("HTTP/1.1 200 OK"), {}, head) == "ok");
  CHECK_FALSE(head.is_interim());
}

TEST_CASE("response head: over the limits it is invalid", "[http][h1]") {
  const std::string bytes = response("HTTP/1.1 200 OK", "A: b\r\nC: d\r\n");
  ResponseHead head;
  CHECK(read_response(bytes, {}, head, {bytes.size(), 2, 0}) == "ok");
  CHECK(read_response(bytes, {}, head, {bytes.size() - 1, 2, 0}) == kInvalid);
  CHECK(read_response(bytes, {}, head, {bytes.size(), 1, 0}) == kInvalid);
}

TEST_CASE("response head: bytes that are not exactly one head are invalid", "[http][h1]") {
  const std::string whole = response("HTTP/1.1 200 OK", "A: b\r\n");
  ResponseHead head;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const std::string part = whole.substr(0, size);  // Its own allocation, so that ASan sees a read past it.
    CHECK(parse_response(part, testing::kLimits, {}, head).has_error());
  }
  CHECK(parse_response(whole + "x", testing::kLimits, {}, head).has_error());
}

}  // namespace
}  // namespace sandgate::proxy::http

#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::http {
namespace {

using namespace std::string_view_literals;
using testing::describe;
using testing::read_request;
using testing::request;

struct Case {
  std::string_view rule;
  std::string_view fields;
  std::string_view outcome;  ///< The body of an accepted head, or the failure.
  std::string_view start_line = "POST /ok HTTP/1.1";
};

std::string outcome_of(const Case& one) {
  RequestHead head;
  const std::string bytes = request(one.start_line, one.fields);
  std::string verdict = read_request(bytes, head);
  return verdict == "ok" ? describe(head.body) : verdict;
}

TEST_CASE("Content-Length: one field of digits, at most 2^63-1", "[http][h1]") {
  const Case cases[] = {
      {"none", "", "none"},
      {"a number", "Content-Length: 5\r\n", "length 5"},
      {"a name has no case", "cOnTeNt-lEnGtH: 5\r\n", "length 5"},
      {"white space around it", "Content-Length: \t 5 \t \r\n", "length 5"},
      {"zero is no body", "Content-Length: 0\r\n", "none"},
      {"leading zeros", "Content-Length: 0005\r\n", "length 5"},
      {"any method may have a body", "Content-Length: 5\r\n", "length 5", "GET /ok HTTP/1.1"},
      {"HEAD too", "Content-Length: 5\r\n", "length 5", "HEAD /ok HTTP/1.1"},
      {"HTTP/1.0", "Content-Length: 5\r\n", "length 5", "POST /ok HTTP/1.0"},
      {"the largest", "Content-Length: 9223372036854775807\r\n", "length 9223372036854775807"},
      {"one more", "Content-Length: 9223372036854775808\r\n", "bad_request"},
      {"2^63+5", "Content-Length: 9223372036854775813\r\n", "bad_request"},
      {"2^64", "Content-Length: 18446744073709551616\r\n", "bad_request"},
      {"2^64+5", "Content-Length: 18446744073709551621\r\n", "bad_request"},
      {"forty digits", "Content-Length: 0123456789012345678901234567890123456789\r\n", "bad_request"},
      {"plus", "Content-Length: +5\r\n", "bad_request"},
      {"minus", "Content-Length: -5\r\n", "bad_request"},
      {"minus zero", "Content-Length: -0\r\n", "bad_request"},
      {"hexadecimal", "Content-Length: 0x5\r\n", "bad_request"},
      {"a hexadecimal digit", "Content-Length: a\r\n", "bad_request"},
      {"an exponent", "Content-Length: 5e1\r\n", "bad_request"},
      {"a fraction", "Content-Length: 5.0\r\n", "bad_request"},
      {"junk after it", "Content-Length: 5a\r\n", "bad_request"},
      {"a semicolon", "Content-Length: 5;\r\n", "bad_request"},
      {"quotes", "Content-Length: \"5\"\r\n", "bad_request"},
      {"a space inside", "Content-Length: 5 5\r\n", "bad_request"},
      {"an underscore inside", "Content-Length: 1_0\r\n", "bad_request"},
      {"obs-text", "Content-Length: 5\xa0\r\n", "bad_request"},
      {"NUL", "Content-Length: 5\0\r\n"sv, "bad_request"},
      {"vertical tab", "Content-Length: \v5\r\n", "bad_request"},
      {"empty", "Content-Length:\r\n", "bad_request"},
      {"a list of equals", "Content-Length: 5, 5\r\n", "bad_request"},
      {"a list", "Content-Length: 5,6\r\n", "bad_request"},
      {"a trailing comma", "Content-Length: 5,\r\n", "bad_request"},
      {"two that differ", "Content-Length: 0\r\nContent-Length: 64\r\n", "bad_request"},
      {"two that are the same", "Content-Length: 5\r\nContent-Length: 5\r\n", "bad_request"},
      {"two, the first empty", "Content-Length:\r\nContent-Length: 64\r\n", "bad_request"},
      {"two, apart and in other case", "Content-Length: 5\r\nA: b\r\ncontent-length: 5\r\n", "bad_request"},
      {"a space before the colon", "Content-Length : 5\r\n", "bad_request"},
      {"C1 control before the colon", "Content-Length\x85: 5\r\n", "bad_request"},
      {"folded", "Content-Length:\r\n 5\r\n", "bad_request"},
      {"with an underscore it frames nothing", "Content_Length: 64\r\n", "none"},
      {"a longer name frames nothing", "X-Content-Length: 64\r\n", "none"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(outcome_of(one) == one.outcome);
  }
}

TEST_CASE("Transfer-Encoding: exactly `chunked`, once, alone, in HTTP/1.1", "[http][h1]") {
  const Case cases[] = {
      {"chunked", "Transfer-Encoding: chunked\r\n", "chunked"},
      {"a value has no case", "Transfer-Encoding: CHUNKed\r\n", "chunked"},
      {"white space around it", "Transfer-Encoding: \t chunked \t\r\n", "chunked"},
      {"GET", "Transfer-Encoding: chunked\r\n", "chunked", "GET /ok HTTP/1.1"},
      {"HTTP/1.2 is 1.1", "Transfer-Encoding: chunked\r\n", "chunked", "POST /ok HTTP/1.2"},
      {"HTTP/1.0", "Transfer-Encoding: chunked\r\n", "bad_request", "POST /ok HTTP/1.0"},
      {"HTTP/1.0 and an unknown coding", "Transfer-Encoding: gzip\r\n", "bad_request", "POST /ok HTTP/1.0"},
      {"after Content-Length", "Content-Length: 69\r\nTransfer-Encoding: chunked\r\n", "bad_request"},
      {"before Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 69\r\n", "bad_request"},
      {"with a Content-Length of 0", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "bad_request"},
      {"unknown with Content-Length", "Content-Length: 5\r\nTransfer-Encoding: cow\r\n", "bad_request"},
      {"empty with Content-Length", "Content-Length: 5\r\nTransfer-Encoding:\r\n", "bad_request"},
      {"empty", "Transfer-Encoding:\r\n", "bad_request"},
      {"two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "bad_request"},
      {"two lines, the last unknown", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", "bad_request"},
      {"two lines, the first unknown", "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n", "bad_request"},
      {"two lines, one empty", "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", "bad_request"},
      {"twice", "Transfer-Encoding: chunked, chunked\r\n", "bad_request"},
      {"not last", "Transfer-Encoding: chunked, gzip\r\n", "bad_request"},
      {"not last, and again", "Transfer-Encoding: chunked, gzip, chunked\r\n", "bad_request"},
      {"a coding before it", "Transfer-Encoding: gzip, chunked\r\n", "unsupported_coding"},
      {"gzip", "Transfer-Encoding: gzip\r\n", "unsupported_coding"},
      {"identity", "Transfer-Encoding: identity\r\n", "unsupported_coding"},
      {"a longer word", "Transfer-Encoding: xchunked\r\n", "unsupported_coding"},
      {"a longer word at the end", "Transfer-Encoding: chunkedx\r\n", "unsupported_coding"},
      {"a trailing comma", "Transfer-Encoding: chunked,\r\n", "bad_request"},
      {"a leading comma", "Transfer-Encoding: ,chunked\r\n", "bad_request"},
      {"a parameter", "Transfer-Encoding: chunked;q=1\r\n", "bad_request"},
      {"a semicolon", "Transfer-Encoding: chunked;\r\n", "bad_request"},
      {"quotes", "Transfer-Encoding: \"chunked\"\r\n", "bad_request"},
      {"single quotes are tchars", "Transfer-Encoding: 'chunked'\r\n", "unsupported_coding"},
      {"two words", "Transfer-Encoding: x chunked\r\n", "bad_request"},
      {"a colon before it", "Transfer-Encoding: : chunked\r\n", "bad_request"},
      {"obs-text after it", "Transfer-Encoding: chunked\xff\r\n", "bad_request"},
      {"a no-break space",
       "Transfer-Encoding: \xa0"
       "chunked\r\n",
       "bad_request"},
      {"vertical tab", "Transfer-Encoding: \vchunked\r\n", "bad_request"},
      {"form feed", "Transfer-Encoding: chunked\f\r\n", "bad_request"},
      {"NUL", "Transfer-Encoding: chunked\0\r\n"sv, "bad_request"},
      {"CR", "Transfer-Encoding: chunked\r\r\n", "bad_request"},
      {"LF", "Transfer-Encoding:\nchunked\r\n", "bad_request"},
      {"folded", "Transfer-Encoding:\r\n chunked\r\n", "bad_request"},
      {"folded into the field before", "A: b\r\n Transfer-Encoding: chunked\r\n", "bad_request"},
      {"a space before the colon", "Transfer-Encoding : chunked\r\n", "bad_request"},
      {"a tab before the colon", "Transfer-Encoding\t: chunked\r\n", "bad_request"},
      {"a space before the name", " Transfer-Encoding: chunked\r\n", "bad_request"},
      {"with an underscore it frames nothing", "Transfer_Encoding: chunked\r\n", "none"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(outcome_of(one) == one.outcome);
  }
}

TEST_CASE("framing: its fields stay in the list, for the rewriter to drop", "[http][h1]") {
  RequestHead head;
  const std::string chunked =
      request("POST / HTTP/1.1", "Connection: Transfer-Encoding, Host\r\nTransfer-Encoding: chunked\r\n");
  REQUIRE(read_request(chunked, head) == "ok");
  CHECK(describe(head.fields) == "Connection: Transfer-Encoding, Host|Transfer-Encoding: chunked");
  CHECK(describe(head.body) == "chunked");
  CHECK(head.authority == "8080-sbx1.sandbox.test");
  const std::string empty = request("POST / HTTP/1.1", "Content-Length: 0\r\n");
  REQUIRE(read_request(empty, head) == "ok");
  CHECK(describe(head.fields) == "Content-Length: 0");
}

TEST_CASE("Expect: 100-continue and nothing else", "[http][h1]") {
  const Case cases[] = {
      {"100-continue", "Expect: 100-continue\r\n", "ok"},
      {"a value has no case", "Expect: 100-Continue\r\n", "ok"},
      {"HTTP/1.0 knows none", "Expect: 200-ok\r\n", "ok", "POST / HTTP/1.0"},
      {"another", "Expect: 200-ok\r\n", "bad_expectation"},
      {"a word before it", "Expect: y 100-continue\r\n", "bad_expectation"},
      {"a list", "Expect: 100-continue, 100-continue\r\n", "bad_expectation"},
      {"a parameter", "Expect: 100-continue;a=b\r\n", "bad_expectation"},
      {"empty", "Expect:\r\n", "bad_expectation"},
      {"twice", "Expect: 100-continue\r\nExpect: 100-continue\r\n", "bad_expectation"},
      {"twice, one empty", "Expect:\r\nExpect: 100-continue\r\n", "bad_expectation"},
      {"folded", "Expect:\r\n 100-continue\r\n", "bad_request", "OPTIONS / HTTP/1.1"},
      {"a broken framing says more", "Expect: x\r\nContent-Length: x\r\n", "bad_request"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    RequestHead head;
    CHECK(read_request(request(one.start_line, one.fields), head) == one.outcome);
  }
}

TEST_CASE("Expect: only a client with a body waits", "[http][h1]") {
  const auto expects = [](std::string_view start_line, std::string_view fields) {
    RequestHead head;
    REQUIRE(read_request(request(start_line, fields), head) == "ok");
    return head.expects_continue;
  };
  CHECK(expects("POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
  CHECK(expects("POST / HTTP/1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"));
  CHECK_FALSE(expects("POST / HTTP/1.1", "Expect: 100-continue\r\n"));
  CHECK_FALSE(expects("POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n"));
  CHECK_FALSE(expects("POST / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
  CHECK_FALSE(expects("POST / HTTP/1.1", "Content-Length: 5\r\n"));
}

}  // namespace
}  // namespace sandgate::proxy::http

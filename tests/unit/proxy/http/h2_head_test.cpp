#include <proxy/http/h2_head.hpp>
#include <tests/support/h2_frames.hpp>
#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

#include <memory_resource>
#include <string>

namespace sandgate::proxy::http {
namespace {

using namespace std::string_literals;
using testing::describe;
using tests::FieldList;

/// "ok" or the failure's label. The reader, and what it was given, are gone before the head is looked at.
std::string read(const FieldList& fields, bool is_last, std::pmr::memory_resource& memory, RequestHead& head,
                 const HeadLimits& limits = testing::kLimits) {
  H2RequestReader reader(limits, &memory, head);
  for (const auto& [name, value] : fields) {
    const std::string lent_name = name;
    const std::string lent_value = value;
    reader.take(lent_name, lent_value);
  }
  const Result<void> finished = reader.finish(is_last);
  return finished ? "ok" : std::string(label(finished.error()));
}

std::string verdict(const FieldList& fields, bool is_last = true) {
  std::pmr::monotonic_buffer_resource memory;
  RequestHead head(&memory);
  return read(fields, is_last, memory, head);
}

/// A valid GET with `more` behind it.
FieldList get_with(const FieldList& more) {
  FieldList fields = tests::get();
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

/// The pseudo-header fields of a valid GET, with `name` left out, or with another value.
FieldList get_without(std::string_view name) {
  FieldList fields;
  for (const auto& field : tests::get()) {
    if (field.first != name) fields.push_back(field);
  }
  return fields;
}
FieldList get_but(std::string_view name, std::string value) {
  FieldList fields = tests::get();
  for (auto& field : fields) {
    if (field.first == name) field.second = value;
  }
  return fields;
}

struct Case {
  const char* rule;
  FieldList fields;
  const char* verdict;
};

}  // namespace

TEST_CASE("h2 head: what is understood of a request", "[http][h2]") {
  std::pmr::monotonic_buffer_resource memory;
  RequestHead head(&memory);
  const FieldList fields{{":scheme", "https"},
                         {":authority", "8080-Sbx1.sandbox.test:8443"},
                         {":path", "/a%2Fb?c=\"d\""},
                         {":method", "POST"},
                         {"b", "2 \t 3"},
                         {"cookie", "a=b"},
                         {"a", ""},
                         {"b", "1"},
                         {"cookie", "c=d"},
                         {"te", "trailers"},
                         {"x_y", "\x80\xff"},
                         {"cookie", "e=f"},
                         {"content-length", "007"},
                         {"expect", "100-Continue"}};
  REQUIRE(read(fields, false, memory, head) == "ok");
  CHECK(head.method == "POST");
  CHECK(head.target == "/a%2Fb?c=\"d\"");
  CHECK(head.authority == "8080-Sbx1.sandbox.test:8443");
  CHECK(head.version == Version::http_2);
  CHECK(describe(head.fields) ==
        "b: 2 \t 3|a: |b: 1|te: trailers|x_y: \x80\xff|content-length: 007|expect: 100-Continue|cookie: a=b; c=d; e=f");
  CHECK(describe(head.body) == "length 7");
  CHECK(head.expects_continue);
  CHECK(head.upgrade.empty());
}

TEST_CASE("h2 head: pseudo-header fields are known, once, and before the others", "[http][h2]") {
  const FieldList late{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"a", "b"}, {":authority", "a.test"}};
  const FieldList behind_host{
      {":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "a.test"}, {":authority", "a.test"}};
  const Case cases[] = {
      {"the four", tests::get(), "ok"},
      {"no :method", get_without(":method"), "bad_request"},
      {"no :scheme", get_without(":scheme"), "bad_request"},
      {"no :path", get_without(":path"), "bad_request"},
      {"nothing at all", {}, "bad_request"},
      {"two :method", get_with({{":method", "GET"}}), "bad_request"},
      {"two :scheme", get_with({{":scheme", "https"}}), "bad_request"},
      {"two :path", get_with({{":path", "/"}}), "bad_request"},
      {"two :authority", get_with({{":authority", "a.test"}}), "bad_request"},
      {"two :protocol",
       {{":protocol", "websocket"},
        {":protocol", "websocket"},
        {":method", "CONNECT"},
        {":scheme", "https"},
        {":path", "/"},
        {":authority", "a.test"}},
       "bad_request"},
      {"one of a response", get_with({{":status", "200"}}), "bad_request"},
      {"one nobody knows", get_with({{":x", "y"}}), "bad_request"},
      {"a colon alone", get_with({{":", "y"}}), "bad_request"},
      {"upper case",
       {{":Method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test"}},
       "bad_request"},
      {"one after a field", late, "bad_request"},
      {"one after Host", behind_host, "bad_request"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(verdict(one.fields) == one.verdict);
  }
}

TEST_CASE("h2 head: a method is a token; TRACE and an ordinary CONNECT are not served", "[http][h2]") {
  const Case cases[] = {
      {"any token", get_but(":method", "x-Y!"), "ok"},
      {"as long as in HTTP/1", get_but(":method", std::string(64, 'A')), "ok"},
      {"longer", get_but(":method", std::string(65, 'A')), "bad_request"},
      {"empty", get_but(":method", ""), "bad_request"},
      {"a space", get_but(":method", "GET /x"), "bad_request"},
      {"a request line", get_but(":method", "GET / HTTP/1.1\r\nX: y"), "bad_request"},
      {"a tab", get_but(":method", "GET\t"), "bad_request"},
      {"obs-text", get_but(":method", "G\xc3\xa9T"), "bad_request"},
      {"TRACE", get_but(":method", "TRACE"), "method_not_allowed"},
      {"trace is another", get_but(":method", "trace"), "ok"},
      {"CONNECT with a target", get_but(":method", "CONNECT"), "method_not_allowed"},
      {"CONNECT as it should be", {{":method", "CONNECT"}, {":authority", "a.test:443"}}, "method_not_allowed"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(verdict(one.fields) == one.verdict);
  }
}

TEST_CASE("h2 head: scheme and path", "[http][h2]") {
  const std::string longest(16 * 1024, '/');
  FieldList options = get_but(":method", "OPTIONS");
  options[2].second = "*";
  const Case cases[] = {
      {"http", get_but(":scheme", "http"), "ok"},
      {"without case", get_but(":scheme", "HTTPS"), "ok"},
      {"another scheme", get_but(":scheme", "ftp"), "bad_request"},
      {"an empty scheme", get_but(":scheme", ""), "bad_request"},
      {"a scheme with more", get_but(":scheme", "https://evil.test/"), "bad_request"},
      {"an empty path", get_but(":path", ""), "bad_request"},
      {"no slash", get_but(":path", "a"), "bad_request"},
      {"absolute-form", get_but(":path", "https://a.test/"), "bad_request"},
      {"a query alone", get_but(":path", "?a"), "bad_request"},
      {"two slashes are a path", get_but(":path", "//evil.test/"), "ok"},
      {"everything that is visible", get_but(":path", "/%00%0d%0a\\\"<>^`{|}~..//;"), "ok"},
      {"a space", get_but(":path", "/a b"), "bad_request"},
      {"a request line", get_but(":path", "/ HTTP/1.1\r\nHost: evil.test"), "bad_request"},
      {"a tab", get_but(":path", "/\ta"), "bad_request"},
      {"a NUL", get_but(":path", "/a\0b"s), "bad_request"},
      {"DEL", get_but(":path", "/\x7f"), "bad_request"},
      {"obs-text", get_but(":path", "/\xc3\xa9"), "bad_request"},
      {"a fragment", get_but(":path", "/a#b"), "bad_request"},
      {"the longest", get_but(":path", longest), "ok"},
      {"longer", get_but(":path", longest + "x"), "target_too_long"},
      {"OPTIONS *", options, "ok"},
      {"* of another method", get_but(":path", "*"), "bad_request"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(verdict(one.fields) == one.verdict);
  }
}

TEST_CASE("h2 head: :authority and Host mean the same, and one of them there must be", "[http][h2]") {
  const auto with_host = [](const std::string& host) {
    FieldList fields = get_without(":authority");
    fields.emplace_back("host", host);
    return fields;
  };
  const Case cases[] = {
      {"Host alone", with_host("a.test"), "ok"},
      {"neither", get_without(":authority"), "bad_request"},
      {"both, the same", get_with({{"host", "a.test"}}), "ok"},
      {"both, but for case and a last dot", get_with({{"host", "A.test."}}), "ok"},
      {"they differ", get_with({{"host", "b.test"}}), "bad_request"},
      {"their ports differ", get_with({{"host", "a.test:444"}}), "bad_request"},
      {"two Hosts", get_with({{"host", "a.test"}, {"host", "a.test"}}), "bad_request"},
      {"an empty Host beside it", get_with({{"host", ""}}), "bad_request"},
      {"empty", get_but(":authority", ""), "bad_request"},
      {"empty beside a Host",
       {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", ""}, {"host", "a.test"}},
       "bad_request"},
      {"userinfo", get_but(":authority", "x@a.test"), "bad_request"},
      {"userinfo in Host", with_host("x@a.test"), "bad_request"},
      {"a path", get_but(":authority", "a.test/x"), "bad_request"},
      {"a list", get_but(":authority", "a.test, b.test"), "bad_request"},
      {"a space", get_but(":authority", "a.test b.test"), "bad_request"},
      {"a line", get_but(":authority", "a.test\r\nX: y"), "bad_request"},
      {"a port over 65535", get_but(":authority", "a.test:65536"), "bad_request"},
      {"letters in the port", get_but(":authority", "a.test:80x"), "bad_request"},
      {"obs-text", get_but(":authority", "\xc3\xa9.test"), "bad_request"},
      {"IPv6", get_but(":authority", "[::1]:8080"), "ok"},
      {"a bare name is for routing to refuse", get_but(":authority", "a"), "ok"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    std::pmr::monotonic_buffer_resource memory;
    RequestHead head(&memory);
    CHECK(read(one.fields, true, memory, head) == one.verdict);
    CHECK(head.fields.find("host") == nullptr);
  }
}

TEST_CASE("h2 head: a field is a lower-case token and a value that no line of HTTP/1 could break", "[http][h2]") {
  const Case cases[] = {
      {"every kind of tchar", {{"!#$%&'*+-.^_`|~9az", "b"}}, "ok"},
      {"an empty value", {{"a", ""}}, "ok"},
      {"white space and obs-text inside", {{"a", "b \t \x80\xff c"}}, "ok"},
      {"underscores are for the rewriter", {{"content_length", "64"}, {"transfer_encoding", "chunked"}}, "ok"},
      {"upper case", {{"Accept", "b"}}, "bad_request"},
      {"one letter in upper case at the end", {{"accepT", "b"}}, "bad_request"},
      {"an empty name", {{"", "b"}}, "bad_request"},
      {"a colon in a name", {{"a:b", "c"}}, "bad_request"},
      {"a space in a name", {{"a b", "c"}}, "bad_request"},
      {"a space behind a name", {{"a ", "c"}}, "bad_request"},
      {"a field in a name", {{"a: b\r\nc", "d"}}, "bad_request"},
      {"a NUL in a name", {{"a\0b"s, "c"}}, "bad_request"},
      {"obs-text in a name", {{"a\x85", "b"}}, "bad_request"},
      {"CR LF", {{"a", "b\r\nc: d"}}, "bad_request"},
      {"CR", {{"a", "b\rc"}}, "bad_request"},
      {"LF", {{"a", "b\nc"}}, "bad_request"},
      {"NUL", {{"a", "b\0c"s}}, "bad_request"},
      {"NUL at the end", {{"a", "b\0"s}}, "bad_request"},
      {"DEL", {{"a", "b\x7f"}}, "bad_request"},
      {"vertical tab", {{"a", "b\vc"}}, "bad_request"},
      {"a space first", {{"a", " b"}}, "bad_request"},
      {"a space last", {{"a", "b "}}, "bad_request"},
      {"a tab first", {{"a", "\tb"}}, "bad_request"},
      {"a tab last", {{"a", "b\t"}}, "bad_request"},
      {"a space alone", {{"a", " "}}, "bad_request"},
      {"a line in a long value", {{"a", std::string(100, 'x') + "\n" + std::string(100, 'x')}}, "bad_request"},
      {"a good one does not excuse a bad one before it", {{"A", "b"}, {"c", "d"}}, "bad_request"},
      {"Connection", {{"connection", "close"}}, "bad_request"},
      {"an empty Connection", {{"connection", ""}}, "bad_request"},
      {"Proxy-Connection", {{"proxy-connection", "keep-alive"}}, "bad_request"},
      {"Keep-Alive", {{"keep-alive", "timeout=5"}}, "bad_request"},
      {"Transfer-Encoding", {{"transfer-encoding", "chunked"}}, "bad_request"},
      {"Transfer-Encoding: identity", {{"transfer-encoding", "identity"}}, "bad_request"},
      {"Upgrade", {{"upgrade", "websocket"}}, "bad_request"},
      {"TE", {{"te", "gzip"}}, "bad_request"},
      {"TE with more than trailers", {{"te", "trailers, gzip"}}, "bad_request"},
      {"an empty TE", {{"te", ""}}, "bad_request"},
      {"TE: trailers", {{"te", "trailers"}}, "ok"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(verdict(get_with(one.fields)) == one.verdict);
  }
}

TEST_CASE("h2 head: an Expect other than 100-continue cannot be met", "[http][h2]") {
  const Case cases[] = {
      {"100-continue", {{"expect", "100-continue"}}, "ok"},
      {"another", {{"expect", "200-ok"}}, "bad_expectation"},
      {"empty", {{"expect", ""}}, "bad_expectation"},
      {"with a parameter", {{"expect", "100-continue; x"}}, "bad_expectation"},
      {"twice", {{"expect", "100-continue"}, {"expect", "100-continue"}}, "bad_expectation"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(verdict(get_with(one.fields), false) == one.verdict);
  }
  std::pmr::monotonic_buffer_resource memory;
  RequestHead head(&memory);
  CHECK(read(get_with({{"expect", "100-continue"}}), true, memory, head) == "ok");
  CHECK_FALSE(head.expects_continue);  // It has no body to wait with.
}

TEST_CASE("h2 head: crumbs of a cookie become one field that HTTP/1 reads as the same", "[http][h2]") {
  struct Row {
    FieldList crumbs;
    const char* fields;
  };
  const Row rows[] = {
      {{{"cookie", "a=b"}}, "cookie: a=b"},
      {{{"cookie", "a=b; c=d"}, {"cookie", "e=f"}}, "cookie: a=b; c=d; e=f"},
      {{{"cookie", ""}}, ""},
      {{{"cookie", ""}, {"cookie", "a=b"}}, "cookie: a=b"},
      {{{"cookie", "a=b"}, {"cookie", ""}}, "cookie: a=b"},
      {{{"cookie", "a=b"}, {"cookie", ""}, {"cookie", "c=d"}}, "cookie: a=b; c=d"},
  };
  for (const Row& row : rows) {
    std::pmr::monotonic_buffer_resource memory;
    RequestHead head(&memory);
    REQUIRE(read(get_with(row.crumbs), true, memory, head) == "ok");
    CHECK(describe(head.fields) == row.fields);
  }
}

}  // namespace sandgate::proxy::http

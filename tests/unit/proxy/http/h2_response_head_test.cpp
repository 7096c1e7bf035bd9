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

struct Read {
  std::pmr::monotonic_buffer_resource memory;
  ResponseHead head{&memory};
  std::string verdict;

  explicit Read(const FieldList& fields, bool is_head_request = false, bool is_last = false,
                std::size_t max_bytes = 64 * 1024, std::size_t max_fields = 200) {
    H2ResponseReader reader(max_bytes, max_fields, &memory, head);
    for (const auto& [name, value] : fields) {
      const std::string lent_name = name;
      const std::string lent_value = value;
      reader.take(lent_name, lent_value);
    }
    const Result<void> finished = reader.finish(is_head_request, is_last);
    verdict = finished ? "ok" : std::string(label(finished.error()));
  }
};

FieldList status(const std::string& code, const FieldList& more = {}) {
  FieldList fields{{":status", code}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

}  // namespace

TEST_CASE("h2 response: a status of three digits that HTTP/1 has too, once and first", "[http][h2]") {
  struct Case {
    const char* rule;
    FieldList fields;
    const char* verdict;
  };
  const char* const no = "response_invalid";
  const Case cases[] = {
      {"200", status("200"), "ok"},
      {"the lowest", status("100"), "ok"},
      {"the highest", status("599"), "ok"},
      {"nobody knows it", status("299"), "ok"},
      {"none", {{"a", "b"}}, no},
      {"nothing", {}, no},
      {"a switch of protocols", status("101"), no},
      {"below", status("099"), no},
      {"above", status("600"), no},
      {"two digits", status("20"), no},
      {"four digits", status("2000"), no},
      {"a sign", status("+20"), no},
      {"a space", status("20 "), no},
      {"a phrase", status("200 OK"), no},
      {"empty", status(""), no},
      {"twice", status("200", {{":status", "200"}}), no},
      {"twice, the first of zeros", status("000", {{":status", "200"}}), no},
      {"behind a field", {{"a", "b"}, {":status", "200"}}, no},
      {"one of a request", status("200", {{":path", "/"}}), no},
      {"one nobody knows", status("200", {{":x", "y"}}), no},
      {"another before it", {{":x", "y"}, {":status", "200"}}, no},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(Read(one.fields).verdict == one.verdict);
  }
}

TEST_CASE("h2 response: fields are judged as a request's are", "[http][h2]") {
  const FieldList refused{{"A", "b"},          {"", "b"},
                          {"a:", "b"},         {"a b", "c"},
                          {"a", "b\r\nc: d"},  {"a", "b\0"s},
                          {"a", " b"},         {"a", "b\t"},
                          {"connection", "x"}, {"upgrade", "x"},
                          {"keep-alive", "x"}, {"transfer-encoding", "chunked"},
                          {"te", "gzip"},      {"proxy-connection", "x"}};
  for (const auto& field : refused) {
    INFO(field.first << ": " << field.second);
    CHECK(Read(status("200", {field})).verdict == "response_invalid");
    CHECK(Read(status("103", {field})).verdict == "response_invalid");
  }
}

TEST_CASE("h2 response: what is understood of it, order and repetition kept", "[http][h2]") {
  const Read read(status("404", {{"set-cookie", "a=b"}, {"b", "\xff"}, {"set-cookie", "c=d"}}));
  REQUIRE(read.verdict == "ok");
  CHECK(read.head.status == 404);
  CHECK(read.head.version == Version::http_2);
  CHECK(describe(read.head.fields) == "set-cookie: a=b|b: \xff|set-cookie: c=d");
}

TEST_CASE("h2 response: how long its body is", "[http][h2]") {
  struct Case {
    const char* rule;
    FieldList fields;
    bool is_head_request;
    bool is_last;
    const char* verdict;
  };
  const FieldList five{{"content-length", "5"}};
  const char* const no = "response_invalid";
  const Case cases[] = {
      {"more follows", status("200"), false, false, "until_end"},
      {"the head is all", status("200"), false, true, "length 0"},
      {"a length", status("200", five), false, false, "length 5"},
      {"a length and the end", status("200", five), false, true, no},
      {"a length of nothing and the end", status("200", {{"content-length", "0"}}), false, true, "length 0"},
      {"to HEAD", status("200", five), true, true, "none"},
      {"to HEAD, and more follows", status("200", five), true, false, "none"},
      {"204", status("204"), false, true, "none"},
      {"304 with a length", status("304", five), false, true, "none"},
      {"interim", status("103"), false, false, "none"},
      {"two lengths", status("200", {{"content-length", "5"}, {"content-length", "5"}}), false, false, no},
      {"no number", status("200", {{"content-length", "x"}}), false, false, no},
      {"no number, to HEAD", status("200", {{"content-length", "x"}}), true, true, no},
      {"one too many", status("200", {{"content-length", "9223372036854775808"}}), false, false, no},
      {"empty", status("200", {{"content-length", ""}}), false, true, no},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    const Read read(one.fields, one.is_head_request, one.is_last);
    CHECK((read.verdict == "ok" ? describe(read.head.body) : read.verdict) == one.verdict);
  }
}

TEST_CASE("h2 response: bytes and fields up to the limit, and not one more", "[http][h2]") {
  const FieldList fields = status("200", {{"a", "b"}});
  const std::size_t size = 7 + 3 + 32 + 1 + 1 + 32;
  CHECK(Read(fields, false, false, size, 2).verdict == "ok");
  CHECK(Read(fields, false, false, size - 1, 2).verdict == "response_invalid");
  CHECK(Read(fields, false, false, size, 1).verdict == "response_invalid");
}

}  // namespace sandgate::proxy::http

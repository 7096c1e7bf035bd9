#include <proxy/http/h2_head.hpp>
#include <tests/support/h2_frames.hpp>
#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

#include <memory_resource>
#include <string>

namespace sandgate::proxy::http {
namespace {

using testing::describe;
using tests::FieldList;

constexpr std::size_t kOverhead = 32;  // RFC 9113 6.5.2

struct Read {
  std::pmr::monotonic_buffer_resource memory;
  RequestHead head{&memory};
  std::string verdict;
  bool is_absurd = false;

  Read(const FieldList& fields, bool is_last, const HeadLimits& limits = testing::kLimits) {
    H2RequestReader reader(limits, &memory, head);
    for (const auto& [name, value] : fields) reader.take(name, value);
    is_absurd = reader.is_absurd();
    const Result<void> finished = reader.finish(is_last);
    verdict = finished ? "ok" : std::string(label(finished.error()));
  }
};

FieldList post_with(const FieldList& more) {
  FieldList fields = tests::post();
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

FieldList websocket_with(const FieldList& more) {
  FieldList fields{{":method", "CONNECT"},
                   {":protocol", "websocket"},
                   {":scheme", "https"},
                   {":path", "/chat?x"},
                   {":authority", "a.test"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

std::size_t size_of(const FieldList& fields) {
  std::size_t size = 0;
  for (const auto& [name, value] : fields) size += name.size() + value.size() + kOverhead;
  return size;
}

}  // namespace

TEST_CASE("h2 head: how long a request's body is", "[http][h2]") {
  struct Case {
    const char* rule;
    FieldList fields;
    bool is_last;
    const char* verdict;  ///< Or, when it is ok, the body.
  };
  const Case cases[] = {
      {"the head is all", {}, true, "none"},
      {"more follows", {}, false, "until_end"},
      {"a length", {{"content-length", "5"}}, false, "length 5"},
      {"leading zeros", {{"content-length", "0005"}}, false, "length 5"},
      {"the longest", {{"content-length", "9223372036854775807"}}, false, "length 9223372036854775807"},
      {"a length of nothing, and an end to come", {{"content-length", "0"}}, false, "length 0"},
      {"a length of nothing, and the end", {{"content-length", "0"}}, true, "none"},
      {"a length, and the end", {{"content-length", "5"}}, true, "bad_request"},
      {"two that are the same", {{"content-length", "5"}, {"content-length", "5"}}, false, "bad_request"},
      {"two that differ", {{"content-length", "5"}, {"content-length", "6"}}, false, "bad_request"},
      {"a list", {{"content-length", "5, 5"}}, false, "bad_request"},
      {"empty", {{"content-length", ""}}, false, "bad_request"},
      {"empty, at the end", {{"content-length", ""}}, true, "bad_request"},
      {"a sign", {{"content-length", "+5"}}, false, "bad_request"},
      {"negative", {{"content-length", "-0"}}, true, "bad_request"},
      {"hexadecimal", {{"content-length", "0x5"}}, false, "bad_request"},
      {"a fraction", {{"content-length", "5.0"}}, false, "bad_request"},
      {"one too many", {{"content-length", "9223372036854775808"}}, false, "bad_request"},
      {"2^64 + 5", {{"content-length", "18446744073709551621"}}, false, "bad_request"},
      {"a chunked body beside it", {{"content-length", "5"}, {"transfer-encoding", "chunked"}}, false, "bad_request"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    const Read read(post_with(one.fields), one.is_last);
    CHECK((read.verdict == "ok" ? describe(read.head.body) : read.verdict) == one.verdict);
  }
}

TEST_CASE("h2 head: an extended CONNECT is the GET of HTTP/1 with an upgrade", "[http][h2]") {
  const Read read(websocket_with({{"sec-websocket-version", "13"}, {"origin", "https://a.test"}}), false);
  REQUIRE(read.verdict == "ok");
  CHECK(read.head.method == "GET");
  CHECK(read.head.target == "/chat?x");
  CHECK(read.head.authority == "a.test");
  CHECK(read.head.upgrade == "websocket");
  CHECK(read.head.body == BodyLength{});
  CHECK(describe(read.head.fields) == "sec-websocket-version: 13|origin: https://a.test");
}

TEST_CASE("h2 head: a key that a client sends with an extended CONNECT is not the handshake's", "[http][h2]") {
  const Read tunnel(websocket_with({{"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}}), false);
  CHECK(tunnel.head.fields.empty());
  const Read ordinary(post_with({{"sec-websocket-key", "x"}}), true);
  CHECK(describe(ordinary.head.fields) == "sec-websocket-key: x");
}

TEST_CASE("h2 head: an extended CONNECT says where it goes, and asks for what the edge can carry", "[http][h2]") {
  struct Case {
    const char* rule;
    FieldList fields;
    const char* verdict;
  };
  const FieldList whole = websocket_with({});
  const auto without = [&](std::string_view name) {
    FieldList fields;
    for (const auto& field : whole) {
      if (field.first != name) fields.push_back(field);
    }
    return fields;
  };
  const auto asking_for = [&](const std::string& protocol) {
    FieldList fields = whole;
    fields[1].second = protocol;
    return fields;
  };
  FieldList get = whole;
  get[0].second = "GET";
  const Case cases[] = {
      {"whole", whole, "ok"},
      {"no :scheme", without(":scheme"), "bad_request"},
      {"no :path", without(":path"), "bad_request"},
      {"no :authority", without(":authority"), "bad_request"},
      {"no :method", without(":method"), "bad_request"},
      {"no :protocol", without(":protocol"), "method_not_allowed"},
      {"another method", get, "bad_request"},
      {"h2c", asking_for("h2c"), "bad_request"},
      {"connect-udp", asking_for("connect-udp"), "bad_request"},
      {"empty", asking_for(""), "bad_request"},
      {"two", asking_for("websocket, h2c"), "bad_request"},
      {"a version", asking_for("websocket/13"), "bad_request"},
      {"a line", asking_for("websocket\r\nx: y"), "bad_request"},
      {"an Upgrade beside it", websocket_with({{"upgrade", "websocket"}}), "bad_request"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    CHECK(Read(one.fields, false).verdict == one.verdict);
  }
}

TEST_CASE("h2 head: bytes and fields are counted as RFC 9113 says, and not one more is taken", "[http][h2]") {
  const FieldList fields = post_with({{"a", "b"}, {"cookie", "c"}, {"host", "a.test"}});
  const std::size_t size = size_of(fields);
  CHECK(Read(fields, true, {size, 7, 10}).verdict == "ok");
  CHECK(Read(fields, true, {size - 1, 7, 10}).verdict == "head_too_large");
  CHECK(Read(fields, true, {size, 6, 10}).verdict == "head_too_large");
  // Too large comes first, whatever else is wrong: what is past the limit was not looked at.
  CHECK(Read(post_with({{"A", "b"}}), true, {100, 7, 10}).verdict == "head_too_large");
}

TEST_CASE("h2 head: four times the limit is absurd", "[http][h2]") {
  const std::size_t limit = 1000;
  const std::size_t rest = 4 * limit - size_of(tests::post());
  const FieldList at_bound = post_with({{"a", std::string(rest - kOverhead - 1, 'x')}});
  const FieldList beyond = post_with({{"a", std::string(rest - kOverhead, 'x')}});
  CHECK_FALSE(Read(at_bound, true, {limit, 100, 100}).is_absurd);
  CHECK(Read(beyond, true, {limit, 100, 100}).is_absurd);
  FieldList small = tests::post();
  for (int i = 0; i < 200; ++i) small.emplace_back("", "");  // Each weighs its overhead.
  CHECK(Read(small, true, {limit, 100, 100}).is_absurd);
}

TEST_CASE("h2 head: what is past the limit is not kept", "[http][h2]") {
  std::pmr::monotonic_buffer_resource memory(std::pmr::null_memory_resource());
  std::array<std::byte, 4096> room;
  std::pmr::monotonic_buffer_resource bounded(room.data(), room.size(), std::pmr::null_memory_resource());
  RequestHead head(&bounded);
  head.fields.reserve(8);
  H2RequestReader reader({1000, 8, 100}, &bounded, head);
  const std::string large(1000, 'x');
  for (const auto& [name, value] : tests::get()) reader.take(name, value);
  for (int i = 0; i < 1000; ++i) reader.take(i % 2 == 0 ? "a" : "cookie", large);
  CHECK(reader.finish(true).error() == Failure::head_too_large);
}

TEST_CASE("h2 trailers: a field as in a head, and none of the connection's or of a head's beginning", "[http][h2]") {
  std::pmr::monotonic_buffer_resource memory;
  Fields to(&memory);
  {
    const std::string name = "grpc-status";
    const std::string value = "0";
    CHECK(take_h2_trailer(name, value, &memory, to));
  }
  CHECK(take_h2_trailer("x", "", &memory, to));
  CHECK(describe(to) == "grpc-status: 0|x: ");
  const FieldList refused{{":status", "200"}, {":x", "y"},        {"A", "b"},         {"", "b"},
                          {"a b", "c"},       {"a", "b\r\nc: d"}, {"a", " b"},        {"connection", "close"},
                          {"te", "gzip"},     {"upgrade", "x"},   {"keep-alive", ""}, {"transfer-encoding", "chunked"}};
  for (const auto& [name, value] : refused) {
    INFO(name);
    CHECK_FALSE(take_h2_trailer(name, value, &memory, to));
  }
  CHECK(to.size() == 2);
}

}  // namespace sandgate::proxy::http

#include <proxy/http/h1_body.hpp>
#include <proxy/http/h1_write.hpp>
#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <string>

namespace sandgate::proxy::http {
namespace {

using testing::describe;

TEST_CASE("write: start lines", "[http][h1]") {
  std::string out;
  write_request_line(out, "GET", "/a?b");
  write_status_line(out, 200, "Fine");
  write_status_line(out, 404, "");
  write_status_line(out, 299, "");
  CHECK(out == "GET /a?b HTTP/1.1\r\nHTTP/1.1 200 Fine\r\nHTTP/1.1 404 Not Found\r\nHTTP/1.1 299 Unknown\r\n");
}

TEST_CASE("write: a reason phrase for every status the edge answers with", "[http][h1]") {
  struct Case {
    std::uint16_t status;
    std::string_view phrase;
  };
  const Case cases[] = {
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {400, "Bad Request"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {414, "URI Too Long"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {508, "Loop Detected"},
      {511, "Network Authentication Required"},
      {99, "Unknown"},
      {306, "Unknown"},
      {599, "Unknown"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.status);
    CHECK(reason_phrase(one.status) == one.phrase);
  }
}

TEST_CASE("write: the framing field of each kind of body", "[http][h1]") {
  const auto framing = [](BodyLength body) {
    std::string out;
    write_framing(out, body);
    return out;
  };
  CHECK(framing({}).empty());
  CHECK(framing({BodyLength::Kind::until_end}).empty());
  CHECK(framing({BodyLength::Kind::chunked}) == "Transfer-Encoding: chunked\r\n");
  CHECK(framing({BodyLength::Kind::length, 0}) == "Content-Length: 0\r\n");
  CHECK(framing({BodyLength::Kind::length, std::numeric_limits<std::int64_t>::max()}) ==
        "Content-Length: 9223372036854775807\r\n");
}

TEST_CASE("write: the largest number has room", "[http][h1]") {
  std::string out;
  write_number(out, std::numeric_limits<std::uint64_t>::max());
  CHECK(out == "18446744073709551615");
}

TEST_CASE("write: chunks and trailers read back as what they were", "[http][h1]") {
  Fields trailers;
  trailers.add("Grpc-Status", "0");
  trailers.add("Empty", "");
  std::string out;
  write_chunk_head(out, 26);
  out += "abcdefghijklmnopqrstuvwxyz\r\n";
  write_last_chunk(out, &trailers);
  CHECK(out == "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nGrpc-Status: 0\r\nEmpty: \r\n\r\n");

  BodyDecoder decoder({BodyLength::Kind::chunked});
  const Decoded data = decoder.decode(out);
  CHECK(data.content == "abcdefghijklmnopqrstuvwxyz");
  CHECK(decoder.decode(std::string_view(out).substr(data.used)).state == Decoded::State::finished);
  CHECK(describe(decoder.trailers()) == "Grpc-Status: 0|Empty: ");

  std::string bare;
  write_last_chunk(bare, nullptr);
  CHECK(bare == "0\r\n\r\n");
}

TEST_CASE("write: a head that is written again reads as the same head", "[http][h1]") {
  const std::string bytes = testing::request("POST http://8080-sbx1.sandbox.test?q HTTP/1.1",
                                             "B: 1\r\nA:\t 2 \r\nb: \xff\r\nTransfer-Encoding: CHUNKED\r\n");
  RequestHead first;
  REQUIRE(testing::read_request(bytes, first) == "ok");
  std::string written;
  write_request_line(written, first.method, first.target);
  write_field(written, "Host", first.authority);
  write_fields(written, first.fields);
  written += "\r\n";
  CHECK(written ==
        "POST /?q HTTP/1.1\r\nHost: 8080-sbx1.sandbox.test\r\nB: 1\r\nA: 2\r\nb: \xff\r\n"
        "Transfer-Encoding: CHUNKED\r\n\r\n");
  RequestHead second;
  REQUIRE(testing::read_request(written, second) == "ok");
  CHECK(second.target == first.target);
  CHECK(second.authority == first.authority);
  CHECK(describe(second.fields) == describe(first.fields));
  CHECK(second.body == first.body);
}

}  // namespace
}  // namespace sandgate::proxy::http

#include <proxy/http/h1_body.hpp>
#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace sandgate::proxy::http {
namespace {

using namespace std::string_view_literals;
using testing::describe;
using State = Decoded::State;

/// What a decoder made of its input, however it came.
struct Outcome {
  State state = State::more;
  std::string content;
  std::size_t used = 0;  ///< Meaningful unless malformed.
  std::string trailers;

  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.state == b.state && a.content == b.content && a.trailers == b.trailers &&
           (a.used == b.used || a.state == State::malformed);
  }
};

/// Hands over `bytes` as the callers do: again and again until nothing is used and nothing is given.
void feed(BodyDecoder& decoder, std::string_view bytes, Outcome& outcome) {
  while (outcome.state == State::more) {
    const std::string own(bytes);  // Its own allocation, so that ASan sees a read past it.
    const Decoded step = decoder.decode(own);
    REQUIRE(step.used <= bytes.size());
    outcome.content += step.content;
    outcome.used += step.used;
    outcome.state = step.state;
    bytes.remove_prefix(step.used);
    if (step.used == 0 && step.content.empty()) break;
  }
}

/// `first` bytes, and then `step` at a time.
Outcome decode(BodyLength length, std::string_view bytes, std::size_t first, std::size_t step) {
  BodyDecoder decoder(length);
  Outcome outcome;
  std::size_t at = 0;
  for (std::size_t size = first; outcome.state == State::more; size = step) {
    feed(decoder, bytes.substr(at, size), outcome);
    if (at + size >= bytes.size()) break;
    at += size;
  }
  outcome.trailers = describe(decoder.trailers());
  CHECK(decoder.is_finished() == (outcome.state == State::finished));
  return outcome;
}

/// Decodes whole, byte by byte and cut at every byte, and fails the test when they differ.
Outcome decode_in_every_cut(BodyLength length, std::string_view bytes) {
  Outcome whole = decode(length, bytes, bytes.size(), 1);
  const bool bytewise_agrees = decode(length, bytes, 1, 1) == whole;
  CHECK(bytewise_agrees);
  std::size_t disagreeing_cut = std::string_view::npos;
  for (std::size_t cut = 1; cut < std::min<std::size_t>(bytes.size(), 1024); ++cut) {
    if (!(decode(length, bytes, cut, bytes.size()) == whole)) disagreeing_cut = cut;
  }
  CHECK(disagreeing_cut == std::string_view::npos);
  return whole;
}

constexpr BodyLength kChunked{BodyLength::Kind::chunked};

TEST_CASE("body: none, and a length of 0, are finished from the start", "[http][h1]") {
  for (const BodyLength length : {BodyLength{}, BodyLength{BodyLength::Kind::length, 0}}) {
    BodyDecoder decoder(length);
    CHECK(decoder.is_finished());
    CHECK(decoder.remaining() == 0);
    const Decoded step = decoder.decode("GET / HTTP/1.1");
    CHECK(step.state == State::finished);
    CHECK(step.used == 0);
    CHECK(step.content.empty());
    CHECK(decoder.finish_at_end());
  }
  CHECK(BodyDecoder().is_finished());
}

TEST_CASE("body: of a length, what is beyond is the next message's", "[http][h1]") {
  const Outcome outcome = decode_in_every_cut({BodyLength::Kind::length, 5}, "helloGET /");
  CHECK(outcome.state == State::finished);
  CHECK(outcome.content == "hello");
  CHECK(outcome.used == 5);
}

TEST_CASE("body: of a length, it is incomplete until its last byte", "[http][h1]") {
  BodyDecoder decoder({BodyLength::Kind::length, 5});
  CHECK(decoder.remaining() == 5);
  CHECK(decoder.decode("hell").state == State::more);
  CHECK(decoder.remaining() == 1);
  CHECK_FALSE(decoder.finish_at_end());
  CHECK(decoder.decode("o").state == State::finished);
  CHECK(decoder.finish_at_end());
}

TEST_CASE("body: until the end, everything is content and only the end finishes it", "[http][h1]") {
  const std::string_view bytes = "0\r\n\r\nHTTP/1.1 200 OK\0"sv;
  const Outcome outcome = decode_in_every_cut({BodyLength::Kind::until_end}, bytes);
  CHECK(outcome.state == State::more);
  CHECK(outcome.content == bytes);
  BodyDecoder decoder({BodyLength::Kind::until_end});
  CHECK(decoder.remaining() == std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(decoder.is_finished());
  CHECK(decoder.finish_at_end());
  CHECK(decoder.is_finished());
  CHECK(decoder.remaining() == 0);
}

struct Case {
  std::string_view rule;
  std::string_view bytes;
  std::string_view content;
  std::size_t beyond = 0;  ///< Bytes at the end that are the next message's.
  std::string_view trailers = "";
};

TEST_CASE("chunked: what is well-formed, and where it ends", "[http][h1]") {
  const Case cases[] = {
      {"no content", "0\r\n\r\n", ""},
      {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"two chunks", "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n", "hello, world"},
      {"the next request is not touched", "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", "hello", 18},
      {"nor after trailers", "0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n\r\n", "", 18, "A: b"},
      {"nor one that begins with an empty line", "0\r\n\r\n\r\nGET", "", 5},
      {"lower case digits", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
      {"upper case digits", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
      {"two digits", "10\r\n0123456789abcdef\r\n0\r\n\r\n", "0123456789abcdef"},
      {"sixteen digits", "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello"},
      {"many zeros at the end", "5\r\nhello\r\n0000000000000000\r\n\r\n", "hello"},
      {"content that looks like framing", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"},
      {"an extension", "5;a\r\nhello\r\n0;z\r\n\r\n", "hello"},
      {"with a value", "5;a=b\r\nhello\r\n0\r\n\r\n", "hello"},
      {"with a quoted value", "5;a=b;c=\"d;e\"\r\nhello\r\n0\r\n\r\n", "hello"},
      {"with an empty quoted value", "5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello"},
      {"with escapes", "5;a=\"\\\"\\\\\\x\t\xff\"\r\nhello\r\n0\r\n\r\n", "hello"},
      {"white space before the semicolon", "5 ;a\r\nhello\r\n0\r\n\r\n", "hello"},
      {"white space everywhere it may be", "5\t ; a \t= b ; c = \"d\" ;e\r\nhello\r\n0\r\n\r\n", "hello"},
      {"an extension of the last chunk and trailers", "0;a=b\r\nA: b\r\n\r\n", "", 0, "A: b"},
      {"trailers", "5\r\nhello\r\n0\r\nX-T:  1 \r\nx-t:\r\n\r\n", "hello", 0, "X-T: 1|x-t: "},
      {"framing names in trailers are for the caller", "0\r\nContent-Length: 5\r\n\r\n", "", 0, "Content-Length: 5"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    const Outcome outcome = decode_in_every_cut(kChunked, one.bytes);
    CHECK(outcome.state == State::finished);
    CHECK(outcome.content == one.content);
    CHECK(outcome.used == one.bytes.size() - one.beyond);
    CHECK(outcome.trailers == one.trailers);
  }
}

TEST_CASE("chunked: what is malformed", "[http][h1]") {
  const Case cases[] = {
      {"no size", "\r\nhello\r\n0\r\n\r\n", ""},
      {"an extension and no size", ";a\r\nhello\r\n0\r\n\r\n", ""},
      {"no size is not the last chunk", "\r\n\r\n", ""},
      {"nor is an extension", ";a\r\n\r\n", ""},
      {"no digit", "g\r\n", ""},
      {"0x", "0x5\r\nhello\r\n0\r\n\r\n", ""},
      {"plus", "+5\r\nhello\r\n0\r\n\r\n", ""},
      {"minus", "-5\r\nhello\r\n0\r\n\r\n", ""},
      {"an underscore", "0_5\r\nhello\r\n0\r\n\r\n", ""},
      {"a comma", "5,5\r\nhello\r\n0\r\n\r\n", ""},
      {"obs-text", "5\xff\r\n", ""},
      {"a NUL", "5\0\r\n"sv, ""},
      {"seventeen digits", "00000000000000005\r\nhello\r\n0\r\n\r\n", ""},
      {"2^63", "8000000000000000\r\n", ""},
      {"2^64-1", "ffffffffffffffff\r\n", ""},
      {"2^64+5", "10000000000000005\r\nhello\r\n0\r\n\r\n", ""},
      {"a leading space", " 5\r\nhello\r\n0\r\n\r\n", ""},
      {"a leading tab", "\t5\r\nhello\r\n0\r\n\r\n", ""},
      {"a trailing space", "5 \r\nhello\r\n0\r\n\r\n", ""},
      {"a trailing tab", "5\t\r\nhello\r\n0\r\n\r\n", ""},
      {"two sizes", "5 5\r\nhello\r\n0\r\n\r\n", ""},
      {"a bare LF after the size", "5\nhello\r\n0\r\n\r\n", ""},
      {"a bare CR after the size", "5\rhello\r\n0\r\n\r\n", ""},
      {"CR CR LF after the size", "5\r\r\nhello\r\n0\r\n\r\n", ""},
      {"data longer than the size", "5\r\nhelloXX0\r\n\r\n", "hello"},
      {"data shorter than the size", "6\r\nhello\r\n0\r\n\r\n", "hello\r"},
      {"no CRLF after the data", "5\r\nhello0\r\n\r\n", "hello"},
      {"a bare LF after the data", "5\r\nhello\n0\r\n\r\n", "hello"},
      {"CR and another byte after the data", "5\r\nhello\rX0\r\n\r\n", "hello"},
      {"an empty line after the data", "5\r\nhello\r\n\r\n0\r\n\r\n", "hello"},
      {"a bad second size", "5\r\nhello\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", "hello"},
      {"a bare LF after the last size", "5\r\nhello\r\n0\n\r\n", "hello"},
      {"a bare LF for the blank line", "5\r\nhello\r\n0\r\n\n", "hello"},
      {"a bare CR for the blank line", "5\r\nhello\r\n0\r\n\rX", "hello"},
      {"an extension without a name", "5;\r\nhello\r\n0\r\n\r\n", ""},
      {"white space for a name", "5; \r\nhello\r\n0\r\n\r\n", ""},
      {"two semicolons", "5;;a\r\nhello\r\n0\r\n\r\n", ""},
      {"a value without a name", "5;=b\r\nhello\r\n0\r\n\r\n", ""},
      {"no value", "5;a=\r\nhello\r\n0\r\n\r\n", ""},
      {"no value but another extension", "5;a=;b\r\nhello\r\n0\r\n\r\n", ""},
      {"two values", "5;a=b=c\r\nhello\r\n0\r\n\r\n", ""},
      {"white space after a name", "5;a \r\nhello\r\n0\r\n\r\n", ""},
      {"white space after a value", "5;a=b \r\nhello\r\n0\r\n\r\n", ""},
      {"white space after a quoted value", "5;a=\"b\" \r\nhello\r\n0\r\n\r\n", ""},
      {"two names", "5;a b\r\nhello\r\n0\r\n\r\n", ""},
      {"two words for a value", "5;a=b c\r\nhello\r\n0\r\n\r\n", ""},
      {"text after a quoted value", "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", ""},
      {"an open quote", "5;a=\"b\r\nhello\r\n0\r\n\r\n", ""},
      {"CRLF in quotes", "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n", ""},
      {"an escaped CR", "5;a=\"\\\r\n\"\r\nhello\r\n0\r\n\r\n", ""},
      {"a control in quotes", "5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n", ""},
      {"a quote in a name", "5;\"a\"\r\nhello\r\n0\r\n\r\n", ""},
      {"obs-text in a name", "5;\xff\r\nhello\r\n0\r\n\r\n", ""},
      {"a bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n", ""},
      {"a bare CR in an extension", "5;a=b\rc\r\nhello\r\n0\r\n\r\n", ""},
      {"a NUL in an extension", "5;a\0\r\nhello\r\n0\r\n\r\n"sv, ""},
      {"a trailer without a colon", "0\r\nA\r\n\r\n", ""},
      {"a space before its colon", "0\r\nA : b\r\n\r\n", ""},
      {"a trailer without a name", "0\r\n: b\r\n\r\n", ""},
      {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", ""},
      {"a trailer that begins with a space", "0\r\n A: b\r\n\r\n", ""},
      {"a bare LF in a trailer", "0\r\nA: b\n\r\n", ""},
      {"a bare CR in a trailer", "0\r\nA: b\rc\r\n\r\n", ""},
      {"a NUL in a trailer", "0\r\nA: \0\r\n\r\n"sv, ""},
      {"a request in the place of trailers", "0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    const Outcome outcome = decode_in_every_cut(kChunked, one.bytes);
    CHECK(outcome.state == State::malformed);
    CHECK(outcome.content == one.content);
  }
}

TEST_CASE("chunked: malformed is for good", "[http][h1]") {
  BodyDecoder decoder(kChunked);
  REQUIRE(decoder.decode("x").state == State::malformed);
  CHECK(decoder.decode("0\r\n\r\n").state == State::malformed);
  CHECK_FALSE(decoder.is_finished());
  CHECK_FALSE(decoder.finish_at_end());
}

TEST_CASE("chunked: any prefix is incomplete, and the end of the connection does not finish it", "[http][h1]") {
  const std::string_view whole = "5;a=\"b\" ;c\r\nhello\r\n000\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    BodyDecoder decoder(kChunked);
    Outcome outcome;
    feed(decoder, whole.substr(0, size), outcome);
    CHECK(outcome.state == State::more);
    CHECK(outcome.used == size);
    CHECK_FALSE(decoder.finish_at_end());
  }
}

TEST_CASE("chunked: content is a view into what was handed over, one run a step", "[http][h1]") {
  BodyDecoder decoder(kChunked);
  const std::string input = "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
  const Decoded first = decoder.decode(input);
  CHECK(first.content == "abc");
  CHECK(first.content.data() == input.data() + 3);
  CHECK(first.state == State::more);
  const Decoded second = decoder.decode(std::string_view(input).substr(first.used));
  CHECK(second.content == "def");
  CHECK(first.used + second.used == input.size());
  CHECK(second.state == State::finished);  // The usual end comes with the last data.
}

TEST_CASE("chunked: the largest size is a size", "[http][h1]") {
  BodyDecoder decoder(kChunked);
  const Decoded step = decoder.decode("7fffffffffffffff\r\nabc");
  CHECK(step.state == State::more);
  CHECK(step.content == "abc");
  CHECK(decoder.remaining() == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("chunked: extensions have a limit a line and a limit a body", "[http][h1]") {
  const auto line = [](std::size_t bytes) { return "1;" + std::string(bytes - 1, 'a') + "\r\nx\r\n"; };
  CHECK(decode_in_every_cut(kChunked, line(256)).state == State::more);
  CHECK(decode_in_every_cut(kChunked, line(257)).state == State::malformed);
  CHECK(decode_in_every_cut(kChunked, "1" + std::string(257, ' ')).state == State::malformed);

  std::string body;
  for (int i = 0; i < 64; ++i) body += line(256);
  CHECK(decode_in_every_cut(kChunked, body + "0\r\n\r\n").state == State::finished);
  CHECK(decode_in_every_cut(kChunked, body + "0;\r\n\r\n").state == State::malformed);
  CHECK(decode_in_every_cut(kChunked, body + "0 ;a\r\n\r\n").state == State::malformed);
}

TEST_CASE("chunked: trailers have a limit in fields and in bytes", "[http][h1]") {
  const auto with_fields = [](std::size_t count) {
    std::string body = "0\r\n";
    for (std::size_t i = 0; i < count; ++i) body += "A: b\r\n";
    return body + "\r\n";
  };
  CHECK(decode_in_every_cut(kChunked, with_fields(128)).state == State::finished);
  CHECK(decode_in_every_cut(kChunked, with_fields(129)).state == State::malformed);

  const auto of_bytes = [](std::size_t size) { return "0\r\nA:" + std::string(size - 6, 'b') + "\r\n\r\n"; };
  const auto state_of = [](const std::string& bytes, std::size_t step) {
    return decode(kChunked, bytes, step, step).state;
  };
  for (const std::size_t step : {std::size_t{1 << 20}, std::size_t{4096}, std::size_t{1000}}) {
    CAPTURE(step);
    CHECK(state_of(of_bytes(64 * 1024), step) == State::finished);
    CHECK(state_of(of_bytes(64 * 1024 + 1), step) == State::malformed);
    CHECK(state_of("0\r\nA:" + std::string(64 * 1024, 'b'), step) == State::malformed);
  }
}

TEST_CASE("chunked: trailers outlive a move of the decoder", "[http][h1]") {
  BodyDecoder decoder(kChunked);
  {
    const std::string input = "0\r\nA: b\r\n\r\n";
    REQUIRE(decoder.decode(input).state == State::finished);
  }
  const BodyDecoder moved = std::move(decoder);
  CHECK(describe(moved.trailers()) == "A: b");
  BodyDecoder assigned;
  {
    BodyDecoder other(kChunked);
    REQUIRE(other.decode("0\r\nC: d\r\n\r\n").state == State::finished);
    assigned = std::move(other);
  }
  CHECK(describe(assigned.trailers()) == "C: d");
}

}  // namespace
}  // namespace sandgate::proxy::http

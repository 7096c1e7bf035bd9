#include <proxy/registry/kubernetes/json_splitter.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry::kubernetes {
namespace {

using Kind = JsonSplitter::Piece::Kind;

/// The values, "OVERSIZED" for one that was passed over and "BROKEN" at the end where it is.
std::vector<std::string> pieces(JsonSplitter& splitter, std::string_view text, std::size_t step) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at < text.size(); at += step) {
    std::string_view bytes = text.substr(at, step);
    for (;;) {
      const JsonSplitter::Piece piece = splitter.take(bytes);
      if (piece.kind == Kind::more) break;
      if (piece.kind == Kind::broken) {
        found.emplace_back("BROKEN");
        return found;
      }
      found.emplace_back(piece.kind == Kind::value ? std::string(piece.text) : "OVERSIZED");
    }
  }
  return found;
}

TEST_CASE("json splitter: documents come out one by one, however they are cut", "[registry]") {
  const std::string text = R"({"a":"}\"{"} {"b":[{"c":"\\"}]}
)"
                           "\n\r\t{}";
  const std::vector<std::string> wanted{R"({"a":"}\"{"})", R"({"b":[{"c":"\\"}]})", "{}"};
  for (std::size_t step = 1; step <= text.size(); ++step) {
    JsonSplitter splitter(JsonSplitter::Shape::documents);
    CHECK(pieces(splitter, text, step) == wanted);
    CHECK(splitter.is_at_end());
  }
}

TEST_CASE("json splitter: a document that has not ended is not given", "[registry]") {
  JsonSplitter splitter(JsonSplitter::Shape::documents);
  CHECK(pieces(splitter, R"({"a":{}} {"b":{})", 3) == std::vector<std::string>{R"({"a":{}})"});
  CHECK_FALSE(splitter.is_at_end());
}

TEST_CASE("json splitter: a list's items come out one by one, with what is around them after", "[registry]") {
  const std::string text =
      R"( {"kind":"L","x":{"items":[1]},"items": [ {"a":[]} , {"b":"items"} ] ,"metadata":{"c":"]"}} )";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    JsonSplitter splitter(JsonSplitter::Shape::list);
    CHECK(pieces(splitter, text, step) == std::vector<std::string>{R"({"a":[]})", R"({"b":"items"})"});
    CHECK(splitter.is_at_end());
    CHECK(splitter.envelope() == R"({"kind":"L","x":{"items":[1]},"items": [] ,"metadata":{"c":"]"}})");
  }
}

TEST_CASE("json splitter: a list without items is one", "[registry]") {
  for (const std::string_view text : {R"({"items":[]})", R"({"items":null})", "{}"}) {
    JsonSplitter splitter(JsonSplitter::Shape::list);
    CHECK(pieces(splitter, text, 2).empty());
    CHECK(splitter.is_at_end());
    CHECK(splitter.envelope() == text);
  }
}

TEST_CASE("json splitter: what cannot be is broken, for good", "[registry]") {
  const auto [shape, text] = GENERATE(table<JsonSplitter::Shape, std::string>({
      {JsonSplitter::Shape::documents, "x"},
      {JsonSplitter::Shape::documents, "[]"},
      {JsonSplitter::Shape::documents, "{},{}"},
      {JsonSplitter::Shape::list, "[]"},
      {JsonSplitter::Shape::list, R"({"items":[1]})"},
      {JsonSplitter::Shape::list, R"({"items":[{}{}]})"},
      {JsonSplitter::Shape::list, R"({"items":[{},]})"},
      {JsonSplitter::Shape::list, R"({"items":[,{}]})"},
      {JsonSplitter::Shape::list, R"({"items":[{}}})"},
      {JsonSplitter::Shape::list, R"({"items":[],"items":[]})"},
      {JsonSplitter::Shape::list, "{}{}"},
  }));
  CAPTURE(text);
  JsonSplitter splitter(shape);
  CHECK(pieces(splitter, text, 1).back() == "BROKEN");
  std::string_view more = "{}";
  CHECK(splitter.take(more).kind == Kind::broken);
}

TEST_CASE("json splitter: a value that is too large is passed over, and the next is not", "[registry]") {
  const std::string large = R"({"a":")" + std::string(JsonSplitter::kMaxValueBytes, 'x') + R"("})";
  JsonSplitter documents(JsonSplitter::Shape::documents);
  CHECK(pieces(documents, "{}" + large + "{}", 65536) == std::vector<std::string>{"{}", "OVERSIZED", "{}"});
  JsonSplitter list(JsonSplitter::Shape::list);
  CHECK(pieces(list, R"({"items":[{},)" + large + ",{}]}", 65536) == std::vector<std::string>{"{}", "OVERSIZED", "{}"});
  CHECK(list.is_at_end());
}

TEST_CASE("json splitter: neither a value nor an envelope goes on for ever", "[registry]") {
  JsonSplitter documents(JsonSplitter::Shape::documents);
  std::string text = R"({"a":")" + std::string(JsonSplitter::kMaxSkippedBytes + 1, 'x');
  CHECK(pieces(documents, text, 65536) == std::vector<std::string>{"BROKEN"});
  JsonSplitter list(JsonSplitter::Shape::list);
  text.resize(JsonSplitter::kMaxEnvelopeBytes + 1);
  CHECK(pieces(list, text, 65536) == std::vector<std::string>{"BROKEN"});
}

}  // namespace
}  // namespace sandgate::proxy::registry::kubernetes

#include <proxy/json_text.hpp>

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <string_view>

using namespace std::string_literals;

namespace sandgate::proxy {
namespace {

std::string quoted(std::string_view text, std::size_t limit = 2048) {
  std::string out;
  append_json_string(out, text, limit);
  return out;
}

}  // namespace

TEST_CASE("json_text: what a terminal, a shell or a JSON reader could trip over is escaped", "[access_log]") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"", R"("")"},
      {"plain /text?~", R"("plain /text?~")"},
      {"\0"s, R"("\u0000")"},
      {"\x1b[31m", R"("\u001b[31m")"},
      {"a\r\nb\tc", R"("a\u000d\u000ab\u0009c")"},
      {"say \"hi\"", R"("say \u0022hi\u0022")"},
      {"C:\\x", R"("C:\u005cx")"},
      {"\x7f", R"("\u007f")"},
      {"\u0085\u009b", R"("\u0085\u009b")"},         // C1 controls: next line, CSI
      {"\u2028\u2029", R"("\u2028\u2029")"},         // line and paragraph separator
      {"caf\u00e9 \u20ac", "\"caf\u00e9 \u20ac\""},  // two and three bytes pass
      {"\U0001f600", "\"\U0001f600\""},              // four bytes pass
      {"\xff", R"("\u00ff")"},
      {"\x80z", R"("\u0080z")"},                              // a trailing byte alone
      {"\xc3", R"("\u00c3")"},                                // the end is missing
      {"\xc3(", R"("\u00c3(")"},                              // something else follows
      {"\xc0\xaf", R"("\u00c0\u00af")"},                      // overlong slash
      {"\xed\xa0\x80", R"("\u00ed\u00a0\u0080")"},            // surrogate
      {"\xf4\x90\x80\x80", R"("\u00f4\u0090\u0080\u0080")"},  // past U+10FFFF
  }));
  CHECK(quoted(text) == expected);
}

TEST_CASE("json_text: a byte is written alike wherever it stands", "[access_log]") {
  constexpr std::size_t kLength = 40;  // More than twice of what is looked at together.
  for (int byte = 0; byte < 256; ++byte) {
    const std::string alone = quoted(std::string(1, static_cast<char>(byte)));
    for (std::size_t at = 0; at < kLength; ++at) {
      std::string text(kLength, 'a');
      text[at] = static_cast<char>(byte);
      std::string expected = '"' + std::string(kLength, 'a') + '"';
      expected.replace(at + 1, 1, alone, 1, alone.size() - 2);
      if (quoted(text) != expected) FAIL("byte " << byte << " at " << at << ": " << quoted(text));
    }
  }
}

TEST_CASE("json_text: the limit cuts neither an escape nor a character in two", "[access_log]") {
  const auto [text, limit, expected] = GENERATE(table<std::string, std::size_t, std::string>({
      {"abcdef", 0, R"("")"},
      {"abcdef", 4, R"("abcd")"},
      {"abcd", 4, R"("abcd")"},
      {"ab\x1bz", 7, R"("ab")"},
      {"ab\x1bz", 8, R"("ab\u001b")"},
      {"ab\x1bz", 9, R"("ab\u001bz")"},
      {"a\u20ac", 3, R"("a")"},
      {"a\u20ac", 4, "\"a\u20ac\""},
  }));
  CHECK(quoted(text, limit) == expected);
}

TEST_CASE("json_text: any bytes become a JSON string of bounded length", "[access_log]") {
  std::mt19937 random(20261123);  // NOLINT(bugprone-random-generator-seed): the same texts every time
  for (int round = 0; round < 5'000; ++round) {
    std::string text(random() % 64, '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    const std::string json = quoted(text, 100);
    REQUIRE(json.size() <= 102);
    boost::json::error_code error;
    REQUIRE(boost::json::parse(json, error).is_string());
    REQUIRE_FALSE(error);
  }
}

}  // namespace sandgate::proxy

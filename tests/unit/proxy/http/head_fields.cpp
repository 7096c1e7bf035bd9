#include <proxy/http/h1_bytes.hpp>
#include <proxy/http/head.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace sandgate::proxy::http {

TEST_CASE("fields: names are found without case, and the first of several is the one", "[http]") {
  Fields fields;
  fields.add("Set-Cookie", "a=1");
  fields.add("set-cookie", "b=2");
  fields.add("ETag", "x");
  REQUIRE(fields.find("SET-COOKIE") != nullptr);
  CHECK(fields.find("SET-COOKIE")->value == "a=1");
  CHECK(fields.value("etag") == "x");
  CHECK(fields.count("Set-cookie") == 2);
  CHECK(fields.size() == 3);
}

TEST_CASE("fields: a name that is not there has no field, no value and no count", "[http]") {
  Fields fields;
  fields.add("Accept", "");
  CHECK(fields.find("Accep") == nullptr);
  CHECK(fields.find("Accept-Language") == nullptr);
  CHECK(fields.value("Host").empty());
  CHECK(fields.count("Host") == 0);
  fields.clear();
  CHECK(fields.empty());
}

TEST_CASE("head: case is ignored in letters only", "[http]") {
  CHECK(equal_ignoring_case("Content-LENGTH", "content-length"));
  CHECK(equal_ignoring_case("", ""));
  CHECK_FALSE(equal_ignoring_case("host", "hosts"));
  CHECK_FALSE(equal_ignoring_case("x-a", "x\ra"));
  CHECK_FALSE(equal_ignoring_case("[", "{"));
  CHECK_FALSE(equal_ignoring_case("\xc0", "\xe0"));
}

TEST_CASE("head: a token is one or more of the tchars of RFC 9110", "[http]") {
  const std::string allowed = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    CAPTURE(byte);
    CHECK(is_token(text) == (allowed.find(text) != std::string::npos));
  }
  CHECK(is_token(allowed));
  CHECK_FALSE(is_token(""));
  CHECK_FALSE(is_token("a b"));
}

TEST_CASE("head: moved, a request keeps its made-up target", "[http]") {
  RequestHead head;
  head.made_target.assign({'/', '?'});
  head.target = {head.made_target.data(), head.made_target.size()};
  const RequestHead moved = std::move(head);
  CHECK(moved.target == "/?");
}

TEST_CASE("bytes: text is skipped alike at every length and position", "[http]") {
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_text = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'a');
      text[at] = static_cast<char>(byte);
      const auto reached = skip_text(text.data(), text.data() + text.size()) - text.data();
      if (reached != static_cast<std::ptrdiff_t>(is_text ? text.size() : at)) {
        CAPTURE(byte, at);
        CHECK(false);
      }
    }
  }
}

}  // namespace sandgate::proxy::http

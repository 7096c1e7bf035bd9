#include <proxy/http/websocket.hpp>

#include <catch2/catch.hpp>

#include <set>
#include <string>

namespace sandgate::proxy::http {

TEST_CASE("websocket: a key is answered by its own hash and by nothing else", "[http]") {
  const WebSocketKey key("dGhlIHNhbXBsZSBub25jZQ==");  // RFC 6455 1.3
  CHECK(key.text() == "dGhlIHNhbXBsZSBub25jZQ==");
  CHECK(key.is_answered_by("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  const std::string_view wrong[] = {
      "",
      "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",    // cut
      "s3pPLMBiTxaQ9kYGzzhZRbK+xOo==",  // longer
      "S3PPLMBITXAQ9KYGZZHZRBK+XOO=",   // base64 has a case
      "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=",   // another hash
      "dGhlIHNhbXBsZSBub25jZQ==",       // the key itself
      " s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",  // not trimmed here
  };
  for (const std::string_view accept : wrong) CHECK_FALSE(key.is_answered_by(accept));
  CHECK_FALSE(key.is_answered_by(std::string_view("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\0", 29)));
}

TEST_CASE("websocket: a key that is made is sixteen bytes in base64, and a new one each time", "[http]") {
  constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const WebSocketKey key = WebSocketKey::make();
    const std::string_view text = key.text();
    REQUIRE(text.size() == 24);
    CHECK(text.substr(22) == "==");
    CHECK(text.substr(0, 22).find_first_not_of(kBase64) == std::string_view::npos);
    seen.emplace(text);
  }
  CHECK(seen.size() == 100);
}

}  // namespace sandgate::proxy::http

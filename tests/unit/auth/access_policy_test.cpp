#include <auth/access_policy.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace sandgate::auth {
namespace {

// FIPS 180-2, appendix B.1.
constexpr const char* kDigestOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST_CASE("access_policy: a token's digest is its SHA-256", "[auth]") {
  CHECK(to_hex(digest_token("abc")) == kDigestOfAbc);
  CHECK(to_hex(digest_token("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest_token("abc") == digest_token("abc"));
}

TEST_CASE("access_policy: a digest is read from hex of either case", "[auth]") {
  CHECK(parse_digest(kDigestOfAbc) == digest_token("abc"));
  CHECK(parse_digest("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD") == digest_token("abc"));
}

TEST_CASE("access_policy: anything but 64 hex digits is no digest", "[auth]") {
  const std::string good = kDigestOfAbc;
  const auto [what, text] = GENERATE_COPY(table<const char*, std::string>({
      {"empty", ""},
      {"one digit short", good.substr(1)},
      {"one digit long", good + "0"},
      {"not a hex digit at the end", good.substr(1) + "g"},
      {"a sign", "+" + good.substr(1)},
      {"a minus", "-" + good.substr(1)},
      {"a space", good.substr(0, 63) + " "},
      {"a prefix", "0x" + good.substr(2)},
      {"a NUL", good.substr(0, 63) + std::string(1, '\0')},
  }));
  INFO(what);
  CHECK_FALSE(parse_digest(text));
}

TEST_CASE("access_policy: hex and back is the identity", "[auth]") {
  TokenDigest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<std::uint8_t>(i * 9);
  CHECK(parse_digest(to_hex(digest)) == digest);
}

TEST_CASE("access_policy: asking for a token that does not exist closes to all", "[auth]") {
  AccessPolicy policy;
  CHECK_FALSE(is_closed_to_all(policy));
  policy.allow_public_traffic = false;
  CHECK(is_closed_to_all(policy));
  policy.tokens.push_back(digest_token("abc"));
  CHECK_FALSE(is_closed_to_all(policy));
}

TEST_CASE("access_policy: one private port without a token closes that port to all", "[auth]") {
  AccessPolicy policy;
  policy.ports.push_back({8080, true});
  CHECK_FALSE(is_closed_to_all(policy));
  policy.ports.push_back({8081, false});
  CHECK(is_closed_to_all(policy));
}

}  // namespace
}  // namespace sandgate::auth

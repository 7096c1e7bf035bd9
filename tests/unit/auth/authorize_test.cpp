#include <auth/authorize.hpp>

#include <catch2/catch.hpp>

#include <initializer_list>
#include <string_view>
#include <vector>

namespace sandgate::auth {
namespace {

constexpr std::uint16_t kAgentPort = 49983;
const std::vector<std::uint16_t> kExempt = {kAgentPort};

AccessPolicy private_policy(std::initializer_list<std::string_view> tokens) {
  AccessPolicy policy;
  policy.allow_public_traffic = false;
  for (const std::string_view token : tokens) policy.tokens.push_back(digest_token(token));
  return policy;
}

Credentials presenting(std::initializer_list<std::string_view> tokens) {
  Credentials credentials;
  for (const std::string_view token : tokens) credentials.present(token);
  return credentials;
}

TEST_CASE("authorize: a public sandbox asks nobody for a token", "[auth]") {
  CHECK(authorize({}, presenting({}), 8080, kExempt) == Verdict::permit);
  CHECK(authorize({}, presenting({"anything"}), 8080, kExempt) == Verdict::permit);
  CHECK(authorize({}, presenting({"two", "different"}), 8080, kExempt) == Verdict::permit);
}

TEST_CASE("authorize: a private sandbox lets its token in and nothing else", "[auth]") {
  const AccessPolicy policy = private_policy({"secret"});
  CHECK(authorize(policy, presenting({"secret"}), 8080, kExempt) == Verdict::permit);
  CHECK(authorize(policy, presenting({"secret", "secret"}), 8080, kExempt) == Verdict::permit);
  CHECK(authorize(policy, presenting({}), 8080, kExempt) == Verdict::token_missing);
  CHECK(authorize(policy, presenting({""}), 8080, kExempt) == Verdict::token_missing);
  CHECK(authorize(policy, presenting({"secret", "other"}), 8080, kExempt) == Verdict::token_invalid);
  CHECK(authorize(policy, presenting({"other", "secret"}), 8080, kExempt) == Verdict::token_invalid);
}

TEST_CASE("authorize: a token that is nearly right is wrong", "[auth]") {
  const AccessPolicy policy = private_policy({"secret"});
  const std::string_view token = GENERATE("secre", "secrets", "Secret", " secret", "secret ", "0");
  CHECK(authorize(policy, presenting({token}), 8080, kExempt) == Verdict::token_invalid);
}

TEST_CASE("authorize: the digest itself is not a token", "[auth]") {
  const AccessPolicy policy = private_policy({"secret"});
  const std::string hex = to_hex(digest_token("secret"));
  CHECK(authorize(policy, presenting({hex}), 8080, kExempt) == Verdict::token_invalid);
}

TEST_CASE("authorize: during a rotation both tokens open", "[auth]") {
  const AccessPolicy policy = private_policy({"old", "new"});
  CHECK(authorize(policy, presenting({"old"}), 8080, kExempt) == Verdict::permit);
  CHECK(authorize(policy, presenting({"new"}), 8080, kExempt) == Verdict::permit);
  CHECK(authorize(policy, presenting({"older"}), 8080, kExempt) == Verdict::token_invalid);
}

TEST_CASE("authorize: a private sandbox without a token lets nobody in", "[auth]") {
  const AccessPolicy policy = private_policy({});
  CHECK(authorize(policy, presenting({}), 8080, kExempt) == Verdict::token_missing);
  CHECK(authorize(policy, presenting({"anything"}), 8080, kExempt) == Verdict::token_invalid);
}

TEST_CASE("authorize: exempt ports of a private sandbox ask for no token", "[auth]") {
  const AccessPolicy policy = private_policy({"secret"});
  CHECK(authorize(policy, presenting({}), kAgentPort, kExempt) == Verdict::permit);
  CHECK(authorize(policy, presenting({"wrong"}), kAgentPort, kExempt) == Verdict::permit);
  CHECK(authorize(policy, presenting({}), kAgentPort, {}) == Verdict::token_missing);
}

TEST_CASE("authorize: a port the record calls public is open on a private sandbox", "[auth]") {
  AccessPolicy policy = private_policy({"secret"});
  policy.ports.push_back({3000, true});
  CHECK(authorize(policy, presenting({}), 3000, kExempt) == Verdict::permit);
  CHECK(authorize(policy, presenting({}), 3001, kExempt) == Verdict::token_missing);
}

TEST_CASE("authorize: a port the record calls private asks for the token on a public sandbox", "[auth]") {
  AccessPolicy policy = private_policy({"secret"});
  policy.allow_public_traffic = true;
  policy.ports.push_back({3000, false});
  CHECK(authorize(policy, presenting({}), 3000, kExempt) == Verdict::token_missing);
  CHECK(authorize(policy, presenting({"wrong"}), 3000, kExempt) == Verdict::token_invalid);
  CHECK(authorize(policy, presenting({"secret"}), 3000, kExempt) == Verdict::permit);
  CHECK(authorize(policy, presenting({}), 3001, kExempt) == Verdict::permit);
}

TEST_CASE("authorize: the record's word on a port wins over the exemption", "[auth]") {
  AccessPolicy policy = private_policy({"secret"});
  policy.ports.push_back({kAgentPort, false});
  CHECK(authorize(policy, presenting({}), kAgentPort, kExempt) == Verdict::token_missing);
}

}  // namespace
}  // namespace sandgate::auth

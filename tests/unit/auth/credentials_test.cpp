#include <auth/credentials.hpp>

#include <catch2/catch.hpp>

namespace sandgate::auth {
namespace {

TEST_CASE("credentials: nothing presented is missing", "[auth]") {
  const Credentials credentials;
  CHECK(credentials.is_missing());
  CHECK_FALSE(credentials.is_contradictory());
}

TEST_CASE("credentials: an empty token is missing", "[auth]") {
  Credentials credentials;
  credentials.present("");
  CHECK(credentials.is_missing());
}

TEST_CASE("credentials: an empty token beside a real one changes nothing", "[auth]") {
  Credentials credentials;
  credentials.present("");
  credentials.present("secret");
  credentials.present("");
  CHECK_FALSE(credentials.is_missing());
  CHECK_FALSE(credentials.is_contradictory());
  CHECK(credentials.token() == "secret");
}

TEST_CASE("credentials: the same token twice is one token", "[auth]") {
  Credentials credentials;
  credentials.present("secret");
  credentials.present("secret");
  CHECK_FALSE(credentials.is_contradictory());
  CHECK(credentials.token() == "secret");
}

TEST_CASE("credentials: two different tokens stay contradictory", "[auth]") {
  Credentials credentials;
  credentials.present("secret");
  credentials.present("Secret");
  credentials.present("secret");
  CHECK(credentials.is_contradictory());
  CHECK_FALSE(credentials.is_missing());
}

}  // namespace
}  // namespace sandgate::auth

#include <routing/authority.hpp>

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::routing {
namespace {

using E = AuthorityError;

const std::vector<std::string> kDomains = {"sandbox.test", "e2b-test.app", "localhost"};

RoutingHeaders pair_of(std::string_view id, std::string_view port) { return {id, port, 1, 1}; }

struct Valid {
  std::string authority;
  std::string id;
  std::uint16_t port;
};

TEST_CASE("authority: a port, an id and a domain are a target", "[routing]") {
  const auto valid = GENERATE(values<Valid>({
      {"8080-abc123.sandbox.test", "abc123", 8080},
      {"49983-isv6ril5xadwn1k9t2jye.e2b-test.app", "isv6ril5xadwn1k9t2jye", 49983},
      {"1-a.sandbox.test", "a", 1},
      {"65535-a.sandbox.test", "a", 65535},
      {"8080-0.sandbox.test", "0", 8080},
      {"8080-" + std::string(63, 'x') + ".sandbox.test", std::string(63, 'x'), 8080},
      {"8080-sandbox.sandbox.test", "sandbox", 8080},
      {"8080-abc123.localhost:8443", "abc123", 8080},
  }));
  INFO(valid.authority);
  const auto target = find_target(valid.authority, {}, kDomains);
  REQUIRE(target.has_value());
  CHECK(target->id.view() == valid.id);
  CHECK(target->port == valid.port);
  CHECK_FALSE(target->by_header);
  CHECK_FALSE(target->certificate_exempt);
}

TEST_CASE("authority: spellings of one host are one target", "[routing]") {
  const std::string_view authority = GENERATE(
      // The port of the authority is any, of any number of digits, or none.
      "8080-abc123.sandbox.test:443", "8080-abc123.sandbox.test:0", "8080-abc123.sandbox.test:65535",
      "8080-abc123.sandbox.test:0000000000000000000000443", "8080-abc123.sandbox.test:",
      // Old client ids.
      "8080-abc123-6532622b.sandbox.test", "8080-abc123-6532622b.sandbox.test:443", "8080-abc123-.sandbox.test",
      "8080-abc123-a-b-c.sandbox.test", "8080-abc123-not~an_id!.sandbox.test", "8080-abc123-%41.sandbox.test",
      // Case, and one trailing dot.
      "8080-ABC123.SANDBOX.TEST", "8080-aBc123.Sandbox.Test", "8080-abc123.sandbox.test.", "8080-ABC123.SANDBOX.TEST.",
      "8080-abc123.sandbox.test.:443");
  INFO(authority);
  const auto target = find_target(authority, {}, kDomains);
  REQUIRE(target.has_value());
  CHECK(target->id.view() == "abc123");
  CHECK(target->port == 8080);
}

TEST_CASE("authority: what is no sandbox host is refused with the right sentence", "[routing]") {
  const auto [authority, error] = GENERATE(table<std::string, E>({
      // Not an authority at all.
      {"", E::invalid_host},
      {":8080", E::invalid_host},
      {"user@8080-abc.sandbox.test", E::invalid_host},
      {"user:password@8080-abc.sandbox.test", E::invalid_host},
      {"8080-abc.sandbox.test:65536", E::invalid_host},
      {"8080-abc.sandbox.test:99999999999999999999999", E::invalid_host},
      {"8080-abc.sandbox.test:x", E::invalid_host},
      {"8080-abc.sandbox.test:-1", E::invalid_host},
      {"8080-abc.sandbox.test:80:80", E::invalid_host},
      {"8080-abc.sandbox.test/", E::invalid_host},
      {"8080-abc.sandbox.test?", E::invalid_host},
      {"8080-abc.sandbox.test#", E::invalid_host},
      {" 8080-abc.sandbox.test", E::invalid_host},
      {"8080-abc.sandbox.test ", E::invalid_host},
      {"8080-abc,8081-def.sandbox.test\\", E::invalid_host},
      {"8080-a\xc3\xa4.sandbox.test", E::invalid_host},
      {std::string("8080-abc\0.sandbox.test", 22), E::invalid_host},
      {"8080-abc\t.sandbox.test", E::invalid_host},
      {"8080-abc%4.sandbox.test", E::invalid_host},
      {"8080-abc%zz.sandbox.test", E::invalid_host},
      // No domain, or none of ours.
      {"8080-abc", E::invalid_host},
      {"8080-abc.", E::invalid_host},
      {"8080-abc:8080", E::invalid_host},
      {"example", E::invalid_host},
      {"8080-abc.example.com", E::invalid_host},
      {"8080-abc.sandbox.test..", E::invalid_host},
      {"8080-abc..sandbox.test", E::invalid_host},
      {"8080-abc.x.sandbox.test", E::invalid_host},
      {"8080-abc.test", E::invalid_host},
      {"8080-abc.xsandbox.test", E::invalid_host},
      {"8080-abc.sandbox.testx", E::invalid_host},
      {"8080-abc.sandbox%2etest", E::invalid_host},
      {".", E::invalid_host},
      // One of ours, without the form.
      {"sandbox.test", E::invalid_host},
      {"abc.sandbox.test", E::invalid_host},
      {"8080.sandbox.test", E::invalid_host},
      {".sandbox.test", E::invalid_host},
      // The form comes before the port and the id, the domain too.
      {"abc-sbx.example.com", E::invalid_host},
      {"0-.example.com", E::invalid_host},
      // The port.
      {"abc-sbx.sandbox.test", E::invalid_port},
      {"-abc.sandbox.test", E::invalid_port},
      {"-.sandbox.test", E::invalid_port},
      {"0-abc.sandbox.test", E::invalid_port},
      {"08080-abc.sandbox.test", E::invalid_port},
      {"65536-abc.sandbox.test", E::invalid_port},
      {"99999999999999999999-abc.sandbox.test", E::invalid_port},
      {"18446744073709559696-abc.sandbox.test", E::invalid_port},
      {"+8080-abc.sandbox.test", E::invalid_port},
      {"8080x-abc.sandbox.test", E::invalid_port},
      {"0x50-abc.sandbox.test", E::invalid_port},
      {"80%380-abc.sandbox.test", E::invalid_port},
      // The port comes before the id.
      {"abc-a_b.sandbox.test", E::invalid_port},
      // The id.
      {"8080-.sandbox.test", E::invalid_id},
      {"8080--abc.sandbox.test", E::invalid_id},
      {"8080-abc_def.sandbox.test", E::invalid_id},
      {"8080-abc~.sandbox.test", E::invalid_id},
      {"8080-%61bc.sandbox.test", E::invalid_id},
      {"8080-" + std::string(64, 'x') + ".sandbox.test", E::invalid_id},
  }));
  INFO(authority);
  const auto target = find_target(authority, {}, kDomains);
  REQUIRE_FALSE(target.has_value());
  CHECK(target.error() == error);
}

TEST_CASE("authority: without configured domains no sandbox host is one", "[routing]") {
  CHECK(find_target("8080-abc.sandbox.test", {}, {}).error() == E::invalid_host);
}

TEST_CASE("authority: each error has the contract's sentence", "[routing]") {
  CHECK(to_text(E::invalid_host) == "Invalid host");
  CHECK(to_text(E::invalid_port) == "Invalid sandbox port");
  CHECK(to_text(E::invalid_id) == "Invalid sandbox ID");
  CHECK(to_text(E::missing_header) == "missing header");
  CHECK(to_text(E::repeated_header) == "Invalid host");
}

TEST_CASE("authority: on a shared host the routing headers name the target", "[routing]") {
  const auto [authority, is_exempt] = GENERATE(table<std::string_view, bool>({
      {"sandbox.sandbox.test", false},
      {"sandbox.sandbox.test:443", false},
      {"SANDBOX.sandbox.TEST.", false},
      {"sandbox.localhost", false},
      {"localhost", true},
      {"localhost:8443", true},
      {"LocalHost.", true},
      {"127.0.0.1", true},
      {"127.0.0.1:8443", true},
      {"203.0.113.9", true},
      {"[::1]", true},
      {"[::1]:8443", true},
      {"[2001:db8::9]", true},
      {"[::ffff:192.0.2.1]:80", true},
  }));
  INFO(authority);
  const auto target = find_target(authority, pair_of("ABC123", "8080"), kDomains);
  REQUIRE(target.has_value());
  CHECK(target->id.view() == "abc123");
  CHECK(target->port == 8080);
  CHECK(target->by_header);
  CHECK(target->certificate_exempt == is_exempt);
}

TEST_CASE("authority: the routing headers come as one pair, each once", "[routing]") {
  const auto [what, headers, error] = GENERATE(table<const char*, RoutingHeaders, E>({
      {"neither", {}, E::invalid_host},
      {"both empty", {"", "", 1, 1}, E::invalid_host},
      {"only the id", {"abc", "", 1, 0}, E::missing_header},
      {"only the port", {"", "8080", 0, 1}, E::missing_header},
      {"an empty id", {"", "8080", 1, 1}, E::missing_header},
      {"an empty port", {"abc", "", 1, 1}, E::missing_header},
      {"the id twice", {"abc", "8080", 2, 1}, E::repeated_header},
      {"the port twice", {"abc", "8080", 1, 2}, E::repeated_header},
      {"the id twice and no port", {"abc", "", 2, 0}, E::repeated_header},
      {"port 0", {"abc", "0", 1, 1}, E::invalid_port},
      {"a port with a leading zero", {"abc", "080", 1, 1}, E::invalid_port},
      {"a port too large", {"abc", "65536", 1, 1}, E::invalid_port},
      {"a port that is none", {"abc", "http", 1, 1}, E::invalid_port},
      {"an id with a colon", {"sbx:123", "8080", 1, 1}, E::invalid_id},
      {"an id with an underscore", {"SBX_UPPER", "8080", 1, 1}, E::invalid_id},
      {"an id with a client id", {"abc-def", "8080", 1, 1}, E::invalid_id},
  }));
  const std::string_view authority = GENERATE("sandbox.sandbox.test", "localhost", "127.0.0.1", "[::1]");
  INFO(what << " at " << authority);
  const auto target = find_target(authority, headers, kDomains);
  REQUIRE_FALSE(target.has_value());
  CHECK(target.error() == error);
}

TEST_CASE("authority: on a per-sandbox host the routing headers are ignored", "[routing]") {
  const RoutingHeaders headers = GENERATE(pair_of("other", "3000"), RoutingHeaders{"other", "3000", 2, 2},
                                          RoutingHeaders{"other", "", 1, 0}, RoutingHeaders{"!", "!", 1, 1});
  const auto target = find_target("8080-abc.sandbox.test", headers, kDomains);
  REQUIRE(target.has_value());
  CHECK(target->id.view() == "abc");
  CHECK(target->port == 8080);
  CHECK_FALSE(target->by_header);
}

TEST_CASE("authority: the routing headers make no other host a shared one", "[routing]") {
  const auto [authority, error] = GENERATE(table<std::string_view, E>({
      {"sandbox.example.com", E::invalid_host},
      {"sandbox.test", E::invalid_host},
      {"sandbox", E::invalid_host},
      {"example.com", E::invalid_host},
      {"abc.sandbox.test", E::invalid_host},
      {"sandbox.x.sandbox.test", E::invalid_host},
      {"localhost.sandbox.test", E::invalid_host},
      {"sandbox-1.sandbox.test", E::invalid_port},
      // Not IP literals, whatever some resolvers make of them.
      {"127.1", E::invalid_host},
      {"127.0.0.01", E::invalid_host},
      {"127.0.0.1.", E::invalid_host},
      {"256.0.0.1", E::invalid_host},
      {"0x7f.0.0.1", E::invalid_host},
      {"2130706433", E::invalid_host},
      {"::1", E::invalid_host},
      {"[127.0.0.1]", E::invalid_host},
      {"[::1", E::invalid_host},
      {"[::1]8080", E::invalid_host},
      {"[::1].", E::invalid_host},
      {"[::1]]", E::invalid_host},
      {"[]", E::invalid_host},
      {"[", E::invalid_host},
      {"[::g]", E::invalid_host},
      {"[fe80::1%25eth0]", E::invalid_host},
      {"[fe80::1%eth0]", E::invalid_host},
      {"[v1.a]", E::invalid_host},
  }));
  INFO(authority);
  const auto target = find_target(authority, pair_of("abc", "8080"), kDomains);
  REQUIRE_FALSE(target.has_value());
  CHECK(target.error() == error);
}

TEST_CASE("authority: a split shows host and port as sent", "[routing]") {
  const auto [text, host, port, is_ip] = GENERATE(table<std::string_view, std::string_view, std::string_view, bool>({
      {"Example.com", "Example.com", "", false},
      {"example.com.:0443", "example.com.", "0443", false},
      {"example.com:", "example.com", "", false},
      {"a!$&'()*+,;=-._~%2f", "a!$&'()*+,;=-._~%2f", "", false},
      {"10.0.0.1:80", "10.0.0.1", "80", true},
      {"10.0.0", "10.0.0", "", false},
      {"[2001:DB8::1]:8443", "[2001:DB8::1]", "8443", true},
      {"[::]", "[::]", "", true},
  }));
  INFO(text);
  const auto parts = split_authority(text);
  REQUIRE(parts.has_value());
  CHECK(parts->host == host);
  CHECK(parts->port == port);
  CHECK(parts->is_ip_literal == is_ip);
}

TEST_CASE("authority: two authorities are the same without case, trailing dot and leading zeros", "[routing]") {
  const auto [a, b, is_same] = GENERATE(table<std::string_view, std::string_view, bool>({
      {"example.com", "EXAMPLE.com.", true},
      {"example.com:443", "example.com.:0443", true},
      {"example.com:", "example.com", true},
      {"[::1]:80", "[::1]:80", true},
      {"example.com:443", "example.com", false},
      {"example.com:0", "example.com", false},
      {"example.com:443", "example.com:444", false},
      {"8080-a.sandbox.test", "8081-a.sandbox.test", false},
      {"example.com", "example.co", false},
      {"example.com", "example.com..", false},
      {"", "", false},
      {"a b", "a b", false},
  }));
  INFO(a << " and " << b);
  CHECK(same_authority(a, b) == is_same);
  CHECK(same_authority(b, a) == is_same);
}

}  // namespace
}  // namespace sandgate::routing

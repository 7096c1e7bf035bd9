#include <config/ip_address.hpp>

#include <catch2/catch.hpp>

namespace sandgate::config {
namespace {

IpAddress address(const std::string& text) {
  CAPTURE(text);
  const auto parsed = IpAddress::parse(text);
  REQUIRE(parsed.has_value());
  return *parsed;
}

IpRange range(const std::string& text) {
  CAPTURE(text);
  const auto parsed = IpRange::parse(text);
  REQUIRE(parsed.has_value());
  return *parsed;
}

std::vector<IpRange> ranges(const std::vector<std::string>& texts) {
  std::vector<IpRange> made;
  for (const auto& text : texts) made.push_back(range(text));
  return made;
}

TEST_CASE("ip address: every spelling of a host is held in one form", "[config]") {
  const auto [text, normal] = GENERATE(table<std::string, std::string>({
      {"10.1.2.3", "10.1.2.3"},
      {"::ffff:10.1.2.3", "10.1.2.3"},
      {"::FFFF:0a01:0203", "10.1.2.3"},
      {"64:ff9b::10.1.2.3", "10.1.2.3"},
      {"64:ff9b::7f00:1", "127.0.0.1"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"2001:DB8::0:1", "2001:db8::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"64:ff9b:1::10.1.2.3", "64:ff9b:1::a01:203"},
      {"::", "::"},
  }));
  CAPTURE(text);
  CHECK(address(text).to_string() == normal);
  CHECK(address(text) == address(normal));
}

TEST_CASE("ip address: what is not an address is refused", "[config]") {
  using namespace std::string_literals;
  const auto text = GENERATE(""s, "10.1.2"s, "10.1.2.3.4"s, "10.1.2.256"s, "010.1.2.3"s, "10.1.2.3 "s, " 10.1.2.3"s,
                             "0x7f.0.0.1"s, "2130706433"s, "[::1]"s, "fe80::1%eth0"s, "::1/128"s, "10.0.0.1:80"s,
                             "1::2::3"s, "localhost"s, "10.1.2.3\0"s, "::1\0x"s, std::string(300, '1'));
  CAPTURE(text);
  CHECK_FALSE(IpAddress::parse(text));
}

TEST_CASE("ip address: one made of nothing is 0.0.0.0", "[config]") {
  CHECK(IpAddress{} == address("0.0.0.0"));
  CHECK(IpAddress{} != address("::"));
}

TEST_CASE("ip range: what it holds", "[config]") {
  const auto [text, inside, holds] = GENERATE(table<std::string, std::string, bool>({
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.1.2.3", "10.1.2.3", true},
      {"10.1.2.3", "10.1.2.4", false},
      {"172.16.0.0/12", "172.31.255.255", true},
      {"172.16.0.0/12", "172.32.0.0", false},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "10.0.0.1", false},
      {"::/0", "::ffff:10.0.0.1", false},
      {"fc00::/7", "fdff::1", true},
      {"fc00::/7", "fe00::1", false},
      {"::ffff:10.0.0.0/104", "10.9.9.9", true},
      {"64:ff9b::10.0.0.0/104", "10.9.9.9", true},
      {"10.0.0.0/8", "::ffff:10.9.9.9", true},
      {"10.0.0.0/8", "64:ff9b::10.9.9.9", true},
  }));
  CAPTURE(text, inside);
  CHECK(range(text).contains(address(inside)) == holds);
  CHECK(contains(ranges({"192.0.2.0/24", text}), address(inside)) == holds);
}

TEST_CASE("ip range: is written in its normal form", "[config]") {
  const auto [text, normal] = GENERATE(table<std::string, std::string>({
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"10.1.2.3/32", "10.1.2.3"},
      {"10.1.2.3", "10.1.2.3"},
      {"FC00::/7", "fc00::/7"},
      {"::1", "::1"},
      {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
      {"::ffff:0:0/96", "0.0.0.0/0"},
      {"64:ff9b::/96", "0.0.0.0/0"},
      {"64:ff9b::/64", "64:ff9b::/64"},
      {"::/0", "::/0"},
  }));
  CAPTURE(text);
  CHECK(range(text).to_string() == normal);
  CHECK(range(text) == range(normal));
}

TEST_CASE("ip range: what is not a range is refused", "[config]") {
  const auto* text = GENERATE("", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/08", "10.0.0.0/+8",
                              "10.0.0.0/-1", "10.0.0.0/8 ", "10.0.0.0/8/8", "fc00::/129", "fc00::1/7", "10/8",
                              "::ffff:0:0/95", "10.0.0.0/4294967304", "any");
  CAPTURE(text);
  CHECK_FALSE(IpRange::parse(text));
}

TEST_CASE("ip range: lies within another when it holds nothing else", "[config]") {
  const auto [inner, outer, lies] = GENERATE(table<std::string, std::string, bool>({
      {"127.0.0.0/8", "127.0.0.0/8", true},
      {"127.0.0.1", "127.0.0.0/8", true},
      {"126.0.0.0/7", "127.0.0.0/8", false},
      {"0.0.0.0/0", "127.0.0.0/8", false},
      {"::1", "127.0.0.0/8", false},
      {"fe80::/10", "fe80::/10", true},
      {"::ffff:127.0.0.0/104", "127.0.0.0/8", true},
  }));
  CAPTURE(inner, outer);
  CHECK(range(inner).lies_within(range(outer)) == lies);
}

TEST_CASE("ip range: one made of nothing holds 0.0.0.0 alone", "[config]") {
  CHECK(IpRange{}.contains(address("0.0.0.0")));
  CHECK_FALSE(IpRange{}.contains(address("10.0.0.1")));
}

TEST_CASE("endpoint: is read and written alike", "[config]") {
  const auto* text =
      GENERATE("127.0.0.1:8443", "0.0.0.0:0", "[::1]:8443", "[2001:db8::1]:65535", "unix:/run/sandgate.sock");
  CAPTURE(text);
  const auto endpoint = Endpoint::parse(text);
  REQUIRE(endpoint.has_value());
  CHECK(endpoint->to_string() == text);
  CHECK(Endpoint::parse(endpoint->to_string()) == endpoint);
}

TEST_CASE("endpoint: what is not one is refused", "[config]") {
  using namespace std::string_literals;
  const auto text =
      GENERATE(""s, "8443"s, ":8443"s, "127.0.0.1"s, "127.0.0.1:"s, "127.0.0.1:65536"s, "127.0.0.1:08"s,
               "127.0.0.1:+8"s, "::1:8443"s, "[::1]"s, "[::1:8443"s, "::1]:8443"s, "[127.0.0.1]:8443"s, "[]:80"s,
               "localhost:80"s, "*:80"s, "unix:"s, "unix:run/x.sock"s, "unix:/a\0b"s, "unix:/" + std::string(107, 'a'));
  CAPTURE(text);
  CHECK_FALSE(Endpoint::parse(text));
}

TEST_CASE("endpoint: a unix path may be as long as the kernel takes it", "[config]") {
  CHECK(Endpoint::parse("unix:/" + std::string(106, 'a')).has_value());
}

TEST_CASE("endpoint: which are loopback", "[config]") {
  const auto [text, loopback] = GENERATE(table<std::string, bool>({
      {"127.0.0.1:1", true},
      {"127.9.9.9:1", true},
      {"[::1]:1", true},
      {"[::ffff:127.0.0.1]:1", true},
      {"unix:/run/x", true},
      {"0.0.0.0:1", false},
      {"[::]:1", false},
      {"10.0.0.1:1", false},
  }));
  CAPTURE(text);
  CHECK(Endpoint::parse(text).value().is_loopback() == loopback);
}

TEST_CASE("address class: the special ranges, to their edges", "[config]") {
  const auto [text, kind] = GENERATE(table<std::string, AddressClass>({
      {"127.0.0.0", AddressClass::loopback},
      {"127.255.255.255", AddressClass::loopback},
      {"::1", AddressClass::loopback},
      {"64:ff9b::127.0.0.1", AddressClass::loopback},
      {"::ffff:127.0.0.1", AddressClass::loopback},
      {"169.254.169.254", AddressClass::link_local},
      {"fe80::1", AddressClass::link_local},
      {"febf:ffff::1", AddressClass::link_local},
      {"224.0.0.1", AddressClass::multicast},
      {"239.255.255.255", AddressClass::multicast},
      {"ff02::1", AddressClass::multicast},
      {"0.0.0.0", AddressClass::unspecified},
      {"0.1.2.3", AddressClass::unspecified},
      {"::", AddressClass::unspecified},
      {"255.255.255.255", AddressClass::broadcast},
      {"240.0.0.1", AddressClass::broadcast},
      {"126.255.255.255", AddressClass::ordinary},
      {"128.0.0.0", AddressClass::ordinary},
      {"1.0.0.0", AddressClass::ordinary},
      {"169.253.255.255", AddressClass::ordinary},
      {"223.255.255.255", AddressClass::ordinary},
      {"fec0::1", AddressClass::ordinary},
      {"::2", AddressClass::ordinary},
      {"10.0.0.1", AddressClass::ordinary},
  }));
  CAPTURE(text);
  CHECK(classify(address(text)) == kind);
}

TEST_CASE("dialable: an address must be allowed, a special one by an entry of its own range", "[config]") {
  using Allow = std::vector<std::string>;
  const auto [text, allow, dialable] = GENERATE(table<std::string, Allow, bool>({
      {"10.0.0.1", Allow{"10.0.0.0/8"}, true},
      {"11.0.0.1", Allow{"10.0.0.0/8"}, false},
      {"10.0.0.1", Allow{}, false},
      {"127.0.0.1", Allow{"0.0.0.0/0"}, false},
      {"127.0.0.1", Allow{"127.0.0.0/8"}, true},
      {"127.0.0.1", Allow{"127.0.0.1"}, true},
      {"127.0.0.1", Allow{"126.0.0.0/7"}, false},
      {"127.0.0.1", Allow{"0.0.0.0/0", "127.0.0.0/24"}, true},
      {"127.0.1.1", Allow{"0.0.0.0/0", "127.0.0.0/24"}, false},
      {"::ffff:127.0.0.1", Allow{"0.0.0.0/0", "::/0"}, false},
      {"64:ff9b::127.0.0.1", Allow{"0.0.0.0/0", "::/0"}, false},
      {"::1", Allow{"::/0"}, false},
      {"::1", Allow{"::1"}, true},
      {"169.254.169.254", Allow{"0.0.0.0/0"}, false},
      {"169.254.169.254", Allow{"169.254.0.0/16"}, true},
      {"fe80::1", Allow{"::/0"}, false},
      {"224.0.0.1", Allow{"0.0.0.0/0"}, false},
      {"ff02::1", Allow{"::/0"}, false},
      {"0.0.0.0", Allow{"0.0.0.0/0"}, false},
      {"::", Allow{"::/0"}, false},
      {"255.255.255.255", Allow{"0.0.0.0/0"}, false},
      {"fd00::1", Allow{"fc00::/7"}, true},
  }));
  CAPTURE(text, allow);
  CHECK(is_dialable(address(text), ranges(allow)) == dialable);
}

}  // namespace
}  // namespace sandgate::config

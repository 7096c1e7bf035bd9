#include <proxy/net/proxy_protocol.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace sandgate::proxy::net {
namespace {

using State = ProxyHeader::State;

std::string v2(unsigned char version_command, unsigned char family, const std::string& body) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += static_cast<char>(version_command);
  header += static_cast<char>(family);
  header += static_cast<char>(body.size() >> 8);
  header += static_cast<char>(body.size() & 0xff);
  return header + body;
}

const std::string kV4Body("\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb", 12);

std::string v6_body() {
  return std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" + std::string(16, '\x02') +
         std::string(4, '\0');
}

}  // namespace

TEST_CASE("proxy protocol: whole headers give the client and their size", "[proxy_protocol]") {
  struct Row {
    std::string bytes;
    std::string client;  // empty: none
  };
  const std::vector<Row> rows{
      {"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "192.0.2.1"},
      {"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "2001:db8::1"},
      {"PROXY UNKNOWN\r\n", ""},
      {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ""},
      {v2(0x21, 0x11, kV4Body), "192.0.2.1"},
      {v2(0x21, 0x11, kV4Body + std::string("\x04\x00\x02zz", 5)), "192.0.2.1"},
      {v2(0x21, 0x21, v6_body()), "2001:db8::1"},
      {v2(0x20, 0x00, ""), ""},
      {v2(0x20, 0x11, kV4Body), ""},
      {v2(0x21, 0x00, "whatever"), ""},
  };
  for (const Row& expected : rows) {
    INFO(expected.bytes);
    const ProxyHeader header = parse_proxy_header(expected.bytes + "GET / HTTP/1.1\r\n");
    REQUIRE(header.state == State::complete);
    CHECK(header.size == expected.bytes.size());
    CHECK((header.client ? header.client->to_string() : "") == expected.client);
    for (std::size_t cut = 0; cut < expected.bytes.size(); ++cut) {
      CHECK(parse_proxy_header(std::string_view(expected.bytes).substr(0, cut)).state == State::incomplete);
    }
  }
}

TEST_CASE("proxy protocol: anything else is refused", "[proxy_protocol]") {
  const std::vector<std::string> rows{
      "GET / HTTP/1.1\r\n\r\n",
      "PROXYTCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
      "proxy TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
      "PROXY TCP5 192.0.2.1 198.51.100.1 56324 443\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 9\r\n",
      "PROXY TCP4 192.0.2.1  198.51.100.1 56324 443\r\n",
      "PROXY TCP4 192.0.2.256 198.51.100.1 56324 443\r\n",
      "PROXY TCP4 2001:db8::1 2001:db8::2 56324 443\r\n",
      "PROXY TCP6 192.0.2.1 198.51.100.1 56324 443\r\n",
      "PROXY TCP6 2001:db8::1 198.51.100.1 56324 443\r\n",
      "PROXY TCP4 192.0.2.1 2001:db8::2 56324 443\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 056 443\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 +5 443\r\n",
      "PROXY TCP4 " + std::string(110, '1'),
      "PROXY \r\n",
      v2(0x11, 0x11, kV4Body),
      v2(0x22, 0x11, kV4Body),
      v2(0x21, 0x12, kV4Body),
      v2(0x21, 0x31, kV4Body),
      v2(0x21, 0x11, kV4Body.substr(0, 11)),
      v2(0x21, 0x21, kV4Body),
      v2(0x21, 0x11, kV4Body + "\x04"),
      v2(0x21, 0x11, kV4Body + std::string("\x04\x00\x09zz", 5)),
      v2(0x21, 0x11, std::string(5'000, '\0')),
  };
  for (const std::string& bytes : rows) {
    INFO(bytes);
    CHECK(parse_proxy_header(bytes).state == State::malformed);
  }
}

}  // namespace sandgate::proxy::net

// The PROXY header: what is a header is what a naive reader of the specification takes for one, with the same address;
// however it is cut, it ends at the same place; and what cannot become one stays so whatever comes behind.
#include <proxy/net/proxy_protocol.hpp>
#include <tests/fuzz/h1_oracle.hpp>

#include <arpa/inet.h>
#include <cstddef>
#include <cstdint>

namespace sandgate::fuzz {
namespace {

using config::IpAddress;
using proxy::net::parse_proxy_header;
using proxy::net::ProxyHeader;
using State = ProxyHeader::State;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

/// A whole header: its size, and whose it is; nothing when there is none.
struct Expected {
  std::size_t size;
  std::optional<IpAddress> client;
};

std::optional<IpAddress> read_address(const std::string& text, int family) {
  std::array<std::uint8_t, 16> bytes{};
  if (text.find('\0') != std::string::npos || inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  if (family == AF_INET6) return IpAddress::from_v6(bytes);
  return IpAddress::from_v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

bool is_port(const std::string& text) {
  const bool is_number = !text.empty() && text.size() <= 5 && only(text, "0123456789");
  return is_number && (text == "0" || text[0] != '0') && std::stoul(text) <= 65535;
}

std::optional<Expected> read_v1(const std::string& bytes) {
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string::npos || end + 2 > 107) return std::nullopt;
  const std::vector<std::string> words = split(std::string_view(bytes).substr(0, end), " ");
  if (words[1] == "UNKNOWN") return Expected{end + 2, std::nullopt};
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6")) return std::nullopt;
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  const auto client = read_address(words[2], family);
  if (!client || !read_address(words[3], family) || !is_port(words[4]) || !is_port(words[5])) return std::nullopt;
  return Expected{end + 2, client};
}

bool are_records(const std::string& bytes, std::size_t at) {
  while (at < bytes.size()) {
    if (at + 3 > bytes.size()) return false;
    at += 3 + static_cast<std::uint8_t>(bytes[at + 1]) * 256U + static_cast<std::uint8_t>(bytes[at + 2]);
  }
  return at == bytes.size();
}

std::optional<Expected> read_v2(const std::string& bytes) {
  if (bytes.size() < 16) return std::nullopt;
  const auto number = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  const std::size_t size = 16 + number(14) * 256U + number(15);
  if (size > ProxyHeader::kMaxBytes || size > bytes.size()) return std::nullopt;
  if (number(12) == 0x20 || (number(12) == 0x21 && number(13) == 0)) return Expected{size, std::nullopt};
  const std::string header = bytes.substr(0, size);
  const std::size_t address = number(13) == 0x11 ? 4 : 16;
  const bool is_tcp = number(12) == 0x21 && (number(13) == 0x11 || number(13) == 0x21);
  if (!is_tcp || size < 16 + 2 * address + 4 || !are_records(header, 16 + 2 * address + 4)) return std::nullopt;
  std::array<std::uint8_t, 16> source{};
  for (std::size_t i = 0; i < address; ++i) source[i] = number(16 + i);
  if (address == 16) return Expected{size, IpAddress::from_v6(source)};
  return Expected{size, IpAddress::from_v4({source[0], source[1], source[2], source[3]})};
}

void check_cuts(std::string_view bytes, const ProxyHeader& whole) {
  bool is_decided = false;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const ProxyHeader header = parse_proxy_header(bytes.substr(0, size));
    check(!is_decided || header.state == whole.state, "what is decided stays decided");
    is_decided = header.state != State::incomplete;
    if (!is_decided) check(size < ProxyHeader::kMaxBytes, "a header ends within its bound");
    if (header.state != State::complete) continue;
    check(header.size <= size && header.size == whole.size && header.client == whole.client, "it is the same header");
    check(size == header.size || parse_proxy_header(bytes.substr(0, header.size)).state == State::complete,
          "a header is whole with its last byte");
  }
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const ProxyHeader header = parse_proxy_header(bytes);
  std::optional<Expected> expected;
  if (bytes.starts_with("PROXY ")) expected = read_v1(bytes);
  if (bytes.starts_with(kSignature)) expected = read_v2(bytes);
  check((header.state == State::complete) == expected.has_value(), "both readers agree on what is a header");
  if (expected) check(header.size == expected->size && header.client == expected->client, "and on what it says");
  check_cuts(bytes, header);
  return 0;
}

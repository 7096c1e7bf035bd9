#include <proxy/net/proxy_protocol.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace sandgate::proxy::net {
namespace {

using State = ProxyHeader::State;
using config::IpAddress;

constexpr std::string_view kV1Start = "PROXY ";
constexpr std::string_view kV2Start("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kV1MaxBytes = 107;  // Section 2.1, CRLF included.
constexpr std::size_t kV2HeadBytes = 16;

ProxyHeader malformed() { return {State::malformed, 0, std::nullopt}; }

bool is_start_of(std::string_view bytes, std::string_view whole) {
  return whole.starts_with(bytes.substr(0, whole.size()));
}

/// The next word up to a single space; nothing when there is none.
std::optional<std::string_view> take_word(std::string_view& line) {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
  return word.empty() ? std::nullopt : std::optional(word);
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool has_leading_zero = text.size() > 1 && text.front() == '0';
  return error == std::errc{} && end == text.data() + text.size() && !has_leading_zero;
}

/// "TCP4 192.0.2.1 198.51.100.1 56324 443", without PROXY and CRLF.
std::optional<IpAddress> parse_v1_addresses(std::string_view line) {
  const auto family = take_word(line);
  const auto source = take_word(line);
  const auto destination = take_word(line);
  const auto source_port = take_word(line);
  if (!family || !source || !destination || !source_port || !is_port(*source_port) || !is_port(line)) return {};
  const bool is_v6 = *family == "TCP6";
  if (!is_v6 && *family != "TCP4") return {};
  for (const std::string_view address : {*source, *destination}) {
    if ((address.find(':') != std::string_view::npos) != is_v6) return {};
  }
  const auto from = IpAddress::parse(*source);
  const auto to = IpAddress::parse(*destination);
  return from && to ? from : std::nullopt;
}

ProxyHeader parse_v1(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kV1MaxBytes).find("\r\n");
  if (end == std::string_view::npos) return bytes.size() >= kV1MaxBytes ? malformed() : ProxyHeader{};
  const std::string_view line = bytes.substr(kV1Start.size(), end - kV1Start.size());
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return {State::complete, end + 2, std::nullopt};
  const auto client = parse_v1_addresses(line);
  return client ? ProxyHeader{State::complete, end + 2, client} : malformed();
}

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::size_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

/// Type-length-value records must end exactly where the header does (section 2.2.7).
bool are_records(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes.size() < 3) return false;
    const std::size_t size = 3 + u16_at(bytes, 1);
    if (size > bytes.size()) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

template <std::size_t size>
std::array<std::uint8_t, size> address_bytes(std::string_view bytes) {
  std::array<std::uint8_t, size> result;
  std::transform(bytes.begin(), bytes.begin() + size, result.begin(),
                 [](char c) { return static_cast<std::uint8_t>(c); });
  return result;
}

ProxyHeader parse_v2(std::string_view bytes) {
  if (bytes.size() < kV2HeadBytes) return {};
  const std::uint8_t version_command = byte_at(bytes, 12);
  const std::uint8_t family = byte_at(bytes, 13);
  const std::size_t size = kV2HeadBytes + u16_at(bytes, 14);
  if (size > ProxyHeader::kMaxBytes || version_command >> 4 != 2) return malformed();
  if (bytes.size() < size) return {};
  const std::string_view body = bytes.substr(kV2HeadBytes, size - kV2HeadBytes);
  switch (version_command & 0x0f) {
    case 0:
      return {State::complete, size, std::nullopt};  // LOCAL: a health check of the balancer's own.
    case 1:
      break;  // PROXY
    default:
      return malformed();
  }
  switch (family) {
    case 0x11:  // TCP over IPv4
      if (body.size() < 12 || !are_records(body.substr(12))) return malformed();
      return {State::complete, size, IpAddress::from_v4(address_bytes<4>(body))};
    case 0x21:  // TCP over IPv6
      if (body.size() < 36 || !are_records(body.substr(36))) return malformed();
      return {State::complete, size, IpAddress::from_v6(address_bytes<16>(body))};
    case 0x00:
      return {State::complete, size, std::nullopt};  // UNSPEC
    default:
      return malformed();
  }
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (is_start_of(bytes, kV1Start)) return bytes.size() < kV1Start.size() ? ProxyHeader{} : parse_v1(bytes);
  if (is_start_of(bytes, kV2Start)) return bytes.size() < kV2Start.size() ? ProxyHeader{} : parse_v2(bytes);
  return malformed();
}

}  // namespace sandgate::proxy::net

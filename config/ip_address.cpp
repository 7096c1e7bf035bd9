#include <config/ip_address.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <span>

namespace sandgate::config {
namespace {

constexpr std::size_t kUnixPathBytes = 108;  // sizeof sockaddr_un::sun_path, its NUL included (unix(7)).

using RawAddress = std::array<std::uint8_t, 16>;

// The two /96 blocks whose addresses stand for an IPv4 address in their last four bytes.
constexpr std::size_t kEmbeddedAt = 12;
constexpr unsigned kEmbeddedBits = 96;
constexpr std::array<std::uint8_t, kEmbeddedAt> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 2.5.5.2
constexpr std::array<std::uint8_t, kEmbeddedAt> kNat64{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};  // RFC 6052 2.1

bool embeds_v4(const RawAddress& raw) {
  const auto head = std::span(raw).first<kEmbeddedAt>();
  return std::ranges::equal(head, kMapped) || std::ranges::equal(head, kNat64);
}

/// inet_pton reads a C string: a text with a NUL in it, or longer than any address, is not handed to it.
bool parse_raw(int family, std::string_view text, void* out) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return false;
  std::ranges::copy(text, copy.begin());
  return ::inet_pton(family, copy.data(), out) == 1;
}

/// Decimal digits only: no sign, no leading zero, at most `largest`.
std::optional<unsigned> parse_decimal(std::string_view text, unsigned largest) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > largest) return std::nullopt;
  if (text.front() == '0' && text.size() > 1) return std::nullopt;
  return number;
}

/// The first `bits` bits of both are the same.
bool same_prefix(const RawAddress& one, const RawAddress& other, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(whole), other.begin())) return false;
  if (bits % 8 == 0) return true;
  const unsigned mask = 0xffU << (8 - bits % 8);
  return ((one[whole] ^ other[whole]) & mask & 0xffU) == 0;
}

bool host_bits_are_zero(const RawAddress& raw, unsigned bits) {
  RawAddress network{};
  for (unsigned bit = 0; bit < bits; ++bit) {
    network[bit / 8] = static_cast<std::uint8_t>(network[bit / 8] | (raw[bit / 8] & (0x80U >> (bit % 8))));
  }
  return network == raw;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<std::uint8_t, 4> v4{};
  if (parse_raw(AF_INET, text, v4.data())) return from_v4(v4);
  RawAddress v6{};
  if (parse_raw(AF_INET6, text, v6.data())) return from_v6(v6);
  return std::nullopt;
}

IpAddress IpAddress::from_v4(std::array<std::uint8_t, 4> bytes) {
  IpAddress address;
  std::ranges::copy(bytes, address.bytes_.begin());
  return address;
}

IpAddress IpAddress::from_v6(const std::array<std::uint8_t, 16>& bytes) {
  if (embeds_v4(bytes)) return from_v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  IpAddress address;
  address.bytes_ = bytes;
  address.is_v4_ = false;
  return address;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(is_v4_ ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const std::string_view base = text.substr(0, slash);
  IpRange range;
  range.is_v4_ = parse_raw(AF_INET, base, range.base_.data());
  if (!range.is_v4_ && !parse_raw(AF_INET6, base, range.base_.data())) return std::nullopt;

  unsigned bits = range.is_v4_ ? 32 : 128;
  if (slash != std::string_view::npos) {
    const auto given = parse_decimal(text.substr(slash + 1), bits);
    if (!given) return std::nullopt;
    bits = *given;
  }
  if (!host_bits_are_zero(range.base_, bits)) return std::nullopt;

  // A block of mapped or NAT64 addresses is the block of IPv4 addresses they stand for. A wider one (::/0) stays
  // IPv6, and as addresses are normalised before they are compared, it does not hold them.
  if (!range.is_v4_ && bits >= kEmbeddedBits && embeds_v4(range.base_)) {
    range.base_ = IpAddress::from_v6(range.base_).bytes();
    range.is_v4_ = true;
    bits -= kEmbeddedBits;
  }
  range.prefix_bits_ = static_cast<std::uint8_t>(bits);
  return range;
}

bool IpRange::contains(const IpAddress& address) const {
  return address.is_v4() == is_v4_ && same_prefix(base_, address.bytes(), prefix_bits_);
}

bool IpRange::lies_within(const IpRange& other) const {
  return is_v4_ == other.is_v4_ && prefix_bits_ >= other.prefix_bits_ &&
         same_prefix(base_, other.base_, other.prefix_bits_);
}

std::string IpRange::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(is_v4_ ? AF_INET : AF_INET6, base_.data(), text.data(), text.size());
  if (prefix_bits_ == (is_v4_ ? 32 : 128)) return text.data();
  return std::string(text.data()).append("/").append(std::to_string(prefix_bits_));
}

bool contains(const std::vector<IpRange>& ranges, const IpAddress& address) {
  return std::ranges::any_of(ranges, [&](const IpRange& range) { return range.contains(address); });
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    const bool fits = path.size() < kUnixPathBytes;
    if (!path.starts_with('/') || !fits || path.find('\0') != std::string_view::npos) return std::nullopt;
    return Endpoint{{}, 0, std::string(path)};
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = parse_decimal(text.substr(colon + 1), 65535);
  if (!port) return std::nullopt;

  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  // Brackets belong to IPv6 and IPv6 needs them, else the last group could be taken for the port.
  if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
  const auto ip = IpAddress::parse(host);
  if (!ip) return std::nullopt;
  return Endpoint{*ip, static_cast<std::uint16_t>(*port), {}};
}

std::string Endpoint::to_string() const {
  if (is_unix()) return "unix:" + unix_path;
  const std::string host = ip.is_v4() ? ip.to_string() : "[" + ip.to_string() + "]";
  return host + ":" + std::to_string(port);
}

bool Endpoint::is_loopback() const { return is_unix() || classify(ip) == AddressClass::loopback; }

}  // namespace sandgate::config

// ip_address: IP addresses, ranges of them, and the endpoints a configuration names. Pure: no socket, no DNS.
//
// An address is always held in one normal form, so two spellings of one host compare equal: IPv4-mapped IPv6
// (::ffff:a.b.c.d) and NAT64 (64:ff9b::a.b.c.d, RFC 6052) are held as the IPv4 address they stand for.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::config {

class IpAddress {
 public:
  IpAddress() = default;  ///< 0.0.0.0

  /// From text in the grammar of inet_pton; no brackets, no zone, no port. Normalised.
  static std::optional<IpAddress> parse(std::string_view text);
  static IpAddress from_v4(std::array<std::uint8_t, 4> bytes);
  static IpAddress from_v6(const std::array<std::uint8_t, 16>& bytes);  ///< Normalised: may become IPv4.

  bool is_v4() const { return is_v4_; }
  /// Network order; an IPv4 address is in the first four bytes, the rest is zero.
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  /// Without brackets, RFC 5952 for IPv6.
  std::string to_string() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool is_v4_ = true;
};

/// A CIDR block, "10.0.0.0/8"; a bare address is a block of one. Host bits must be zero. A block of IPv4-mapped or
/// NAT64 addresses is held as the IPv4 block it stands for: "::ffff:10.0.0.0/104" is 10.0.0.0/8.
class IpRange {
 public:
  static std::optional<IpRange> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  /// Every address of this block lies in `other`.
  bool lies_within(const IpRange& other) const;
  std::string to_string() const;
  friend bool operator==(const IpRange&, const IpRange&) = default;

 private:
  std::array<std::uint8_t, 16> base_{};  ///< As in IpAddress; not one, since 64:ff9b::/32 begins with a NAT64 address.
  std::uint8_t prefix_bits_ = 32;  ///< 0 to 32 for IPv4, 0 to 128 for IPv6. Made of nothing, it holds 0.0.0.0 alone.
  bool is_v4_ = true;
};

bool contains(const std::vector<IpRange>& ranges, const IpAddress& address);

/// Where the edge listens or dials: an address and port, or the path of a Unix socket.
struct Endpoint {
  IpAddress ip;
  std::uint16_t port = 0;  ///< 0 = let the system choose (tests).
  std::string unix_path;   ///< Not empty: a Unix socket, `ip` and `port` mean nothing.

  /// "127.0.0.1:8443", "[::1]:8443", "unix:/run/sandgate.sock".
  static std::optional<Endpoint> parse(std::string_view text);
  std::string to_string() const;
  bool is_unix() const { return !unix_path.empty(); }
  bool is_loopback() const;  ///< 127.0.0.0/8, ::1, or a Unix socket.
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// The address, or why the edge may never dial it unless an allow entry names the special range itself
/// (contract 5): loopback, link-local, multicast, unspecified, and the like.
enum class AddressClass : std::uint8_t { ordinary, loopback, link_local, multicast, unspecified, broadcast };
AddressClass classify(const IpAddress& address);

/// Contract 5: `address` lies in an entry of `allow`, and if it is of a special class, in an entry that lies wholly
/// inside that special range (so 0.0.0.0/0 does not open 127.0.0.1, but 127.0.0.0/8 does).
bool is_dialable(const IpAddress& address, const std::vector<IpRange>& allow);

}  // namespace sandgate::config

// redis_url: the address of a Redis server as people write it.
//
//   redis://[[user]:password@]host[:port][/database]     rediss:// is the same over TLS
//   unix:/path[?db=database]
//
// User and password are percent-decoded. What is wrong is said without quoting the text, which may hold a password.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace sandgate::config {

struct RedisUrl {
  static constexpr std::uint16_t kDefaultPort = 6379;

  bool is_tls = false;
  std::string host;  ///< A name or an IP address, IPv6 without brackets. Empty with a Unix socket.
  std::uint16_t port = kDefaultPort;
  std::string unix_path;
  std::string username;  ///< Empty: Redis' "default".
  std::string password;
  std::uint32_t database = 0;
};

/// The string says what the URL must be.
std::variant<RedisUrl, std::string> parse_redis_url(std::string_view text);

}  // namespace sandgate::config

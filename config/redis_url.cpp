#include <config/redis_url.hpp>

#include <charconv>
#include <optional>

namespace sandgate::config {
namespace {

constexpr const char* kWantedHost = "must name a host: redis://host:6379/0";
constexpr const char* kWantedPort = "must have a port from 1 to 65535 after the host: redis://host:6379/0";
constexpr const char* kWantedDatabase = "must end in the number of a database, or in none: redis://host:6379/0";
constexpr const char* kWantedEscapes = "must write % in user or password as %25, and : / @ as %3A %2F %40";
constexpr const char* kWantedPath =
    "must name the socket by its absolute path: unix:/run/redis/redis.sock, ?db=1 after it";
constexpr const char* kWantedScheme = "must begin with redis://, rediss:// for TLS, or unix:/ for a socket";

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  constexpr std::size_t kEscape = 3;
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) return std::nullopt;
    decoded += static_cast<char>(value);
    i += kEscape - 1;
  }
  return decoded;
}

/// Cuts `text` at the first `separator`; gives what is after it, or nothing when there is none.
std::optional<std::string_view> cut(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(at + 1);
  text = text.substr(0, at);
  return rest;
}

/// "[::1]:6379", "host:6379", "host"
const char* read_host(std::string_view text, RedisUrl& url) {
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    text.remove_prefix(1);
    const auto rest = cut(text, ']');
    if (!rest || (!rest->empty() && !rest->starts_with(':'))) return kWantedHost;
    if (!rest->empty()) port = rest->substr(1);
  } else {
    port = cut(text, ':');
  }
  if (text.empty()) return kWantedHost;
  url.host = text;
  if (!port) return nullptr;
  const auto number = parse_number<std::uint16_t>(*port);
  if (!number || *number == 0) return kWantedPort;
  url.port = *number;
  return nullptr;
}

const char* read_user(std::string_view text, RedisUrl& url) {
  const auto password = cut(text, ':');
  const auto user = percent_decoded(text);
  const auto secret = percent_decoded(password.value_or(std::string_view()));
  if (!user || !secret) return kWantedEscapes;
  url.username = *user;
  url.password = *secret;
  return nullptr;
}

const char* read_database(std::string_view text, RedisUrl& url) {
  if (text.empty()) return nullptr;
  const auto number = parse_number<std::uint32_t>(text);
  if (!number) return kWantedDatabase;
  url.database = *number;
  return nullptr;
}

const char* read_network(std::string_view text, RedisUrl& url) {
  // Up to the last "@": a password that was not percent-encoded is at least not taken for the host.
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    if (const char* problem = read_user(text.substr(0, at), url)) return problem;
    text.remove_prefix(at + 1);
  }
  const auto database = cut(text, '/');
  if (const char* problem = read_host(text, url)) return problem;
  return read_database(database.value_or(std::string_view()), url);
}

const char* read_socket(std::string_view text, RedisUrl& url) {
  if (text.starts_with("//")) text.remove_prefix(2);
  const auto query = cut(text, '?');
  if (!text.starts_with('/')) return kWantedPath;
  url.unix_path = text;
  if (!query) return nullptr;
  return query->starts_with("db=") && query->size() > 3 ? read_database(query->substr(3), url) : kWantedPath;
}

}  // namespace

std::variant<RedisUrl, std::string> parse_redis_url(std::string_view text) {
  RedisUrl url;
  const char* problem = kWantedScheme;
  constexpr std::string_view kPlain = "redis://";
  constexpr std::string_view kTls = "rediss://";
  constexpr std::string_view kSocket = "unix:";
  if (text.starts_with(kTls)) {
    url.is_tls = true;
    problem = read_network(text.substr(kTls.size()), url);
  } else if (text.starts_with(kPlain)) {
    problem = read_network(text.substr(kPlain.size()), url);
  } else if (text.starts_with(kSocket)) {
    problem = read_socket(text.substr(kSocket.size()), url);
  }
  if (problem != nullptr) return std::string(problem);
  return url;
}

}  // namespace sandgate::config

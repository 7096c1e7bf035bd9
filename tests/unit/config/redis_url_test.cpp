#include <config/redis_url.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <tuple>

namespace sandgate::config {
namespace {

RedisUrl parsed(const std::string& text) {
  CAPTURE(text);
  const auto result = parse_redis_url(text);
  if (const auto* problem = std::get_if<std::string>(&result)) FAIL(*problem);
  return std::get<RedisUrl>(result);
}

TEST_CASE("redis_url: host, port and database, with defaults", "[config]") {
  const auto [text, host, port, database] = GENERATE(table<std::string, std::string, int, unsigned>({
      {"redis://localhost", "localhost", 6379, 0},
      {"redis://localhost/", "localhost", 6379, 0},
      {"redis://10.0.0.1:7000/3", "10.0.0.1", 7000, 3},
      {"redis://[::1]", "::1", 6379, 0},
      {"redis://[::1]:7/1", "::1", 7, 1},
      {"rediss://redis.example.com:6380/0", "redis.example.com", 6380, 0},
      {"redis://user:secret@host:1", "host", 1, 0},
  }));
  const RedisUrl url = parsed(text);
  CHECK(url.host == host);
  CHECK(url.port == port);
  CHECK(url.database == database);
  CHECK(url.is_tls == text.starts_with("rediss"));
}

TEST_CASE("redis_url: user and password are percent-decoded", "[config]") {
  const auto [text, user, password] = GENERATE(table<std::string, std::string, std::string>({
      {"redis://h", "", ""},
      {"redis://:secret@h", "", "secret"},
      {"redis://user:secret@h", "user", "secret"},
      {"redis://us%65r:p%40ss%2F%3a%25@h", "user", "p@ss/:%"},
      {"redis://user:a@b@h", "user", "a@b"},
      {"redis://user@h", "user", ""},
  }));
  const RedisUrl url = parsed(text);
  CHECK(url.username == user);
  CHECK(url.password == password);
  CHECK(url.host == "h");
}

TEST_CASE("redis_url: a Unix socket has a path and perhaps a database", "[config]") {
  const auto [text, path, database] = GENERATE(table<std::string, std::string, unsigned>({
      {"unix:/run/redis.sock", "/run/redis.sock", 0},
      {"unix:///run/redis.sock", "/run/redis.sock", 0},
      {"unix:/run/redis.sock?db=2", "/run/redis.sock", 2},
  }));
  CHECK(parsed(text).unix_path == path);
  CHECK(parsed(text).database == database);
}

TEST_CASE("redis_url: what is wrong is said, and no text is quoted", "[config]") {
  const std::string text =
      GENERATE("", "http://h", "redis:/h", "redis://", "redis://:6379", "redis://h:0", "redis://h:65536", "redis://h:x",
               "redis://h/x", "redis://h/-1", "redis://[::1", "redis://[::1]x", "redis://u:hunter2%@h",
               "redis://u:hunter2%zz@h", "redis://u:hunter2@", "unix:", "unix:relative", "unix:/s?x=1", "unix:/s?db=");
  CAPTURE(text);
  const auto result = parse_redis_url(text);
  REQUIRE(std::holds_alternative<std::string>(result));
  CHECK(std::get<std::string>(result).starts_with("must "));
  CHECK(std::get<std::string>(result).find("hunter2") == std::string::npos);
}

}  // namespace
}  // namespace sandgate::config

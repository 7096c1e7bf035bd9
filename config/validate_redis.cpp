#include <config/checks.hpp>
#include <config/redis_url.hpp>

namespace sandgate::config {
namespace {

void check_tls(const RedisTls& tls, bool is_used, Violations& found) {
  if (tls.certificate.empty() != tls.key.empty()) {
    found.push_back({"registry.redis.tls", "must name `certificate` and `key` together, or neither"});
  }
  if (is_used || (tls.ca.empty() && tls.certificate.empty() && tls.key.empty())) return;
  found.push_back({"registry.redis.tls", "is of no use with this URL: write rediss:// for TLS"});
}

void check_credentials(const RedisRegistry& redis, const RedisUrl& url, Violations& found) {
  const bool is_in_url = !url.username.empty() || !url.password.empty();
  const bool is_beside = !redis.username.empty() || !redis.password_file.empty();
  if (is_in_url && is_beside) {
    found.push_back({"registry.redis.url", "must not carry user or password when `username` or `password_file` does"});
  }
  if (!redis.username.empty() && redis.password_file.empty()) {
    found.push_back({"registry.redis.username", "needs `password_file`, a file that holds the user's password"});
  }
}

}  // namespace

void check_redis(const RedisRegistry& redis, Violations& found) {
  const auto parsed = parse_redis_url(redis.url.text);
  if (const auto* problem = std::get_if<std::string>(&parsed)) {
    found.push_back({"registry.redis.url", *problem});
    return;
  }
  const auto& url = std::get<RedisUrl>(parsed);
  check_tls(redis.tls, url.is_tls, found);
  check_credentials(redis, url, found);
  if (redis.cluster && url.database != 0) {
    found.push_back({"registry.redis.url", "must not name a database: a cluster has only database 0"});
  }
  if (redis.cluster && !url.unix_path.empty()) {
    found.push_back({"registry.redis.url", "must be redis:// or rediss:// for a cluster: its nodes name hosts"});
  }
  if (redis.key_prefix.empty()) {
    found.push_back({"registry.redis.key_prefix", "must not be empty: the edge is told of every change under it"});
  }
  if (redis.max_entries == 0) found.push_back({"registry.redis.max_entries", "must be at least 1"});
  if (redis.max_bytes < mebibytes(1)) found.push_back({"registry.redis.max_bytes", "must be at least 1MiB"});
}

}  // namespace sandgate::config

#include <config/checks.hpp>
#include <config/problem.hpp>
#include <config/text_check.hpp>
#include <config/validate.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace sandgate::config {
namespace {

/// Names the edge needs for itself: as token header it would be taken out of every request.
constexpr std::array<std::string_view, 10> kNoTokenHeader{
    "connection", "content-length", "e2b-sandbox-id",    "e2b-sandbox-port", "expect", "host",
    "te",         "trailer",        "transfer-encoding", "upgrade"};

/// As `routing::clean_path` leaves a path: what is compared with it can never match otherwise.
bool is_clean_path(std::string_view path) {
  if (!path.starts_with('/') || (path.size() > 1 && path.ends_with('/'))) return false;
  const bool has_special = path.find_first_of("?#%") != std::string_view::npos;
  const std::string closed = std::string(path) + "/";
  const auto has = [&](std::string_view segment) { return closed.find(segment) != std::string::npos; };
  return path == "/" || (!has_special && !has("//") && !has("/./") && !has("/../"));
}

void check_admin(const Admin& admin, Violations& found) {
  if (admin.address.is_loopback() || !admin.token_file.empty()) return;
  found.push_back({"admin.address",
                   "is reachable from other machines: set admin.token_file to a file with a bearer "
                   "token, or use 127.0.0.1 or unix:/path"});
}

void check_edge(const Edge& edge, Violations& found) {
  if (is_token(edge.id)) return;
  found.push_back({"edge.id", "must be a token of RFC 9110 (letters, digits and -._~), not " + quoted(edge.id)});
}

void check_access_log(const AccessLog& access_log, Violations& found) {
  if (access_log.path.empty()) found.push_back({"access_log.path", "must be stdout, off, or the path of a file"});
  if (access_log.format != "json") {
    found.push_back({"access_log.format", "must be json, the only format there is, not " + quoted(access_log.format)});
  }
}

}  // namespace

std::string indexed(std::string_view list, std::size_t index) {
  return std::string(list).append("[").append(std::to_string(index)).append("]");
}

void check_access(const Access& access, Violations& found) {
  if (!is_token(access.token_header)) {
    found.push_back({"access.token_header", "must be a field name (a token of RFC 9110), not " +  //
                                                quoted(access.token_header)});
  } else if (std::ranges::find(kNoTokenHeader, access.token_header) != kNoTokenHeader.end()) {
    found.push_back({"access.token_header",
                     "must not be " + quoted(access.token_header) + ": the edge removes it from every request"});
  }
  for (std::size_t i = 0; i < access.reserved_paths.paths.size(); ++i) {
    const std::string& path = access.reserved_paths.paths[i];
    if (is_clean_path(path)) continue;
    found.push_back(
        {indexed("access.reserved_paths.paths", i),
         "must be an absolute path such as /init, without query, percent escapes, dot segments or a slash at "
         "the end, not " +
             quoted(path)});
  }
}

void check_registry(const Registry& registry, Violations& found) {
  switch (registry.source) {
    case RegistrySource::store:
      if (registry.store.path.empty()) found.push_back({"registry.store.path", "must be the path of the database"});
      return;
    case RegistrySource::file:
      if (registry.file.path.empty()) found.push_back({"registry.file.path", "must be the path of the sandbox file"});
      return;
    case RegistrySource::redis:
      check_redis(registry.redis, found);
      return;
    case RegistrySource::kubernetes:
      check_kubernetes(registry.kubernetes, found);
      return;
  }
}

void check_timeouts(const Timeouts& timeouts, Violations& found) {
  // The others may be 0, which turns them off or means at once.
  const std::array<std::pair<const char*, milliseconds>, 10> never_zero{{
      {"tls_handshake", timeouts.tls_handshake},
      {"proxy_header", timeouts.proxy_header},
      {"client_head", timeouts.client_head},
      {"client_body_idle", timeouts.client_body_idle},
      {"client_idle", timeouts.client_idle},
      {"client_write", timeouts.client_write},
      {"registry_lookup", timeouts.registry_lookup},
      {"connect", timeouts.connect},
      {"connect_total", timeouts.connect_total},
      {"sandbox_idle", timeouts.sandbox_idle},
  }};
  for (const auto& [name, value] : never_zero) {
    if (value.count() > 0) continue;
    found.push_back({std::string("timeouts.") + name, "must be more than 0: this timeout cannot be turned off"});
  }
  if (timeouts.connect > timeouts.connect_total) {
    found.push_back({"timeouts.connect", "must not be longer than timeouts.connect_total, " +
                                             to_string(timeouts.connect_total) + ", which bounds all tries together"});
  }
}

void check_limits(const Config& config, Violations& found) {
  const Limits& limits = config.limits;
  // The least leaves room for an ordinary browser's request; the most is held in memory for every connection.
  const std::array<std::pair<const char*, Bytes>, 3> sizes{{{"head_bytes", limits.head_bytes},
                                                            {"target_bytes", limits.target_bytes},
                                                            {"response_head_bytes", limits.response_head_bytes}}};
  for (const auto& [name, value] : sizes) {
    if (value >= kibibytes(1) && value <= mebibytes(1)) continue;
    found.push_back({std::string("limits.") + name, "must be from 1KiB to 1MiB, not " + to_string(value)});
  }
  const std::array<std::pair<const char*, std::optional<std::uint32_t>>, 9> counts{
      {{"limits.head_fields", limits.head_fields},
       {"limits.response_head_fields", limits.response_head_fields},
       {"limits.exchanges_per_connection", limits.exchanges_per_connection},
       {"limits.streams_per_connection", limits.streams_per_connection},
       {"limits.h2_resets_per_minute", limits.h2_resets_per_minute},
       {"limits.connections", limits.connections},
       {"limits.handshakes", limits.handshakes},
       {"limits.handshakes_per_client", limits.handshakes_per_client},
       {"workers", config.workers}}};
  for (const auto& [key, value] : counts) {
    if (value != 0U) continue;
    found.push_back({key, "must be at least 1: with 0 nothing would be served"});
  }
  if (limits.memory && limits.memory->count > 0 && *limits.memory < mebibytes(1)) {
    found.push_back({"limits.memory", "must be at least 1MiB, or 0 for no limit, not " + to_string(*limits.memory)});
  }
  constexpr std::uint32_t kMostWorkers = 1024;
  if (config.workers > kMostWorkers) found.push_back({"workers", "must be at most " + std::to_string(kMostWorkers)});
}

/// The least is what RFC 9113 6.9.2 begins with: a smaller one would have to be taken back from clients that know it.
void check_windows(const Limits& limits, Violations& found) {
  const std::array<std::pair<const char*, Bytes>, 3> windows{{{"h2_stream_window", limits.h2_stream_window},
                                                              {"h2_connection_window", limits.h2_connection_window},
                                                              {"h2_max_window", limits.h2_max_window}}};
  for (const auto& [name, value] : windows) {
    if (value >= kibibytes(64) && value <= mebibytes(1024)) continue;
    found.push_back({std::string("limits.") + name, "must be from 64KiB to 1GiB, not " + to_string(value)});
  }
}

std::vector<Violation> validate(const Config& config) {
  Violations found;
  check_domains(config, found);
  check_listeners(config, found);
  check_endpoints(config, found);
  check_edge(config.edge, found);
  check_admin(config.admin, found);
  check_registry(config.registry, found);
  check_access(config.access, found);
  check_timeouts(config.timeouts, found);
  check_limits(config, found);
  check_windows(config.limits, found);
  check_access_log(config.access_log, found);
  return found;
}

}  // namespace sandgate::config

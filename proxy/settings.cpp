#include <proxy/settings.hpp>

#include <algorithm>
#include <fstream>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace sandgate::proxy {
namespace {

constexpr std::size_t kReservedDescriptors = 256;  // Logs, listeners, the store, the admin's own connections.

/// Cores the cgroup's CPU quota is worth, rounded up; nothing when there is none (cgroup v2, then v1).
std::optional<std::size_t> quota_cores() {
  double quota = -1;
  double period = 0;
  std::string first;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> first >> period && first != "max") quota = std::stod(first);
  if (period == 0) {
    std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    std::ifstream v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    v1_quota >> quota;
    v1_period >> period;
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<std::size_t>((quota + period - 1) / period);
}

/// The cgroup's limit of memory, if it has one (cgroup v2, then v1).
std::optional<std::uint64_t> cgroup_memory() {
  constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;  // v1 says it with a number that is larger.
  std::uint64_t bytes = 0;
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    if (std::ifstream file(path); file >> bytes && bytes < kNoLimit) return bytes;
  }
  return std::nullopt;
}

/// The first line of a secret's file.
std::string read_token(const std::string& path, std::vector<std::string>& problems) {
  if (path.empty()) return {};
  std::ifstream file(path);
  std::string token;
  std::getline(file, token);
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
  if (token.empty())
    problems.push_back(path + ": admin.token_file: cannot be read or is empty; put the token on its first line");
  return token;
}

}  // namespace

LoadedSettings load_settings(config::Config config, net::TicketKeys& ticket_keys, net::Expired expired) {
  Settings settings;
  std::vector<std::string> problems;
  for (const config::Listener& listener : config.listeners) {
    if (!listener.tls) {
      settings.tls.push_back(nullptr);
      continue;
    }
    auto loaded = net::TlsServer::load(*listener.tls, ticket_keys, expired);
    if (auto* bad = std::get_if<std::vector<std::string>>(&loaded)) {
      problems.insert(problems.end(), bad->begin(), bad->end());
    } else {
      settings.tls.push_back(std::get<std::shared_ptr<const net::TlsServer>>(loaded));
    }
  }
  settings.admin_token = read_token(config.admin.token_file, problems);
  if (!problems.empty()) return problems;
  const auto has_key_file = [](const config::Listener& one) { return one.tls && !one.tls->ticket_keys.empty(); };
  if (std::none_of(config.listeners.begin(), config.listeners.end(), has_key_file)) ticket_keys.leave_file();
  settings.dial_policy = std::make_shared<const upstream::DialPolicy>(
      config.upstream.allow, upstream::interface_addresses(), upstream::listening_endpoints(config));
  settings.config = std::make_shared<const config::Config>(std::move(config));
  return settings;
}

std::vector<std::string> files_of(const config::Config& config, const std::string& config_path) {
  std::vector<std::string> files{config_path};
  if (!config.admin.token_file.empty()) files.push_back(config.admin.token_file);
  for (const config::Listener& listener : config.listeners) {
    if (!listener.tls) continue;
    for (const config::Certificate& certificate : listener.tls->certificates) {
      files.push_back(certificate.chain);
      files.push_back(certificate.key);
    }
    if (!listener.tls->ticket_keys.empty()) files.push_back(listener.tls->ticket_keys);
  }
  return files;
}

std::size_t available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const bool is_known = sched_getaffinity(0, sizeof set, &set) == 0;
  const auto allowed = is_known ? static_cast<std::size_t>(CPU_COUNT(&set)) : std::size_t{1};
  return std::max<std::size_t>(1, std::min(allowed, quota_cores().value_or(allowed)));
}

void keep_memory_private() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

std::size_t raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

ConnectionGate::Limits connection_limits(const config::Config& config, std::size_t open_files) {
  constexpr std::uint32_t kFewHandshakes = 16;  // Fewer, and a handful of clients that connect at once is too many.
  const config::Limits& set = config.limits;
  const std::size_t usable = open_files > kReservedDescriptors ? open_files - kReservedDescriptors : open_files / 2;
  const auto fitting = static_cast<std::uint32_t>(std::clamp<std::size_t>(usable / 2, 1, 4'000'000));
  ConnectionGate::Limits limits{set.connections.value_or(fitting), set.connections_per_client};
  limits.handshakes = set.handshakes.value_or(std::max(limits.connections / 5, kFewHandshakes));
  limits.handshakes_per_client = set.handshakes_per_client.value_or(std::max(limits.handshakes / 4, kFewHandshakes));
  return limits;
}

std::size_t memory_limit(const config::Config& config) {
  if (config.limits.memory) return config.limits.memory->count;
  return cgroup_memory().value_or(0) / 2;  // The other half: the kernel's buffers, the routes, what an allocator keeps.
}

}  // namespace sandgate::proxy

// needs_restart: what a reload cannot change.
#include <config/checks.hpp>
#include <config/validate.hpp>

namespace sandgate::config {
namespace {

/// Sockets are opened once; whether a listener speaks TLS is settled with them, its certificates are not.
void compare_listeners(const Config& running, const Config& loaded, std::vector<std::string>& keys) {
  if (running.listeners.size() != loaded.listeners.size()) {
    keys.emplace_back("listeners");
    return;
  }
  for (std::size_t i = 0; i < running.listeners.size(); ++i) {
    const Listener& before = running.listeners[i];
    const Listener& after = loaded.listeners[i];
    if (before.address != after.address) keys.push_back(indexed("listeners", i) + ".address");
    if (before.tls.has_value() != after.tls.has_value()) keys.push_back(indexed("listeners", i) + ".tls");
  }
}

void compare_registries(const Registry& running, const Registry& loaded, std::vector<std::string>& keys) {
  if (running.source != loaded.source) {
    keys.emplace_back("registry.source");
    return;
  }
  const bool is_store = running.source == RegistrySource::store;
  const bool is_file = running.source == RegistrySource::file;
  if (is_store && running.store.path != loaded.store.path) keys.emplace_back("registry.store.path");
  if (is_file && running.file.path != loaded.file.path) keys.emplace_back("registry.file.path");
  const bool is_redis = running.source == RegistrySource::redis;
  if (is_redis && !(running.redis == loaded.redis)) keys.emplace_back("registry.redis");
  const bool is_kubernetes = running.source == RegistrySource::kubernetes;
  if (is_kubernetes && !(running.kubernetes == loaded.kubernetes)) keys.emplace_back("registry.kubernetes");
}

}  // namespace

std::vector<std::string> needs_restart(const Config& running, const Config& loaded) {
  std::vector<std::string> keys;
  if (running.workers != loaded.workers) keys.emplace_back("workers");
  compare_listeners(running, loaded, keys);
  if (running.admin.address != loaded.admin.address) keys.emplace_back("admin.address");
  const auto health_address = [](const Config& config) {
    return config.health ? std::optional(config.health->address) : std::nullopt;
  };
  if (health_address(running) != health_address(loaded)) keys.emplace_back("health.address");
  compare_registries(running.registry, loaded.registry, keys);
  return keys;
}

}  // namespace sandgate::config

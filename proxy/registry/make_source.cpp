#include <proxy/registry/file.hpp>
#include <proxy/registry/kubernetes/kubernetes.hpp>
#include <proxy/registry/make_source.hpp>
#include <proxy/registry/redis/redis.hpp>
#include <proxy/registry/store.hpp>

namespace sandgate::proxy::registry {

std::unique_ptr<Source> make_source(const config::Config& config, Registry& registry) {
  switch (config.registry.source) {
    case config::RegistrySource::store:
      return std::make_unique<StoreSource>(config.registry.store.path, registry);
    case config::RegistrySource::file:
      return std::make_unique<FileSource>(config.registry.file.path, registry);
    case config::RegistrySource::redis:
      return std::make_unique<redis::RedisSource>(config.registry.redis, registry);
    case config::RegistrySource::kubernetes:
      return std::make_unique<kubernetes::KubernetesSource>(config.registry.kubernetes, registry);
  }
  return nullptr;
}

}  // namespace sandgate::proxy::registry

#include <proxy/upstream/pool_key.hpp>

#include <functional>
#include <string_view>

namespace sandgate::proxy::upstream {
namespace {

std::size_t hash_of(const routing::SandboxId& id, std::string_view generation, std::uint16_t port) {
  const std::size_t mixed = std::hash<std::string_view>{}(id.view()) * 31 + std::hash<std::string_view>{}(generation);
  return mixed * 31 + port;
}

}  // namespace

PoolKey PoolKey::of(const Destination& destination) {
  const routing::Route& route = *destination.route;
  return {route.id, std::string(route.generation), route.address, destination.dial_port(), destination.protocol};
}

std::size_t PoolKeyHash::operator()(const PoolKey& key) const { return hash_of(key.id, key.generation, key.port); }

std::size_t PoolKeyHash::operator()(const Destination& destination) const {
  return hash_of(destination.route->id, destination.route->generation, destination.dial_port());
}

bool PoolKeyEqual::operator()(const PoolKey& key, const Destination& destination) const {
  const routing::Route& route = *destination.route;
  return key.port == destination.dial_port() && key.protocol == destination.protocol && key.id == route.id &&
         key.address == route.address && key.generation == route.generation;
}

}  // namespace sandgate::proxy::upstream

#include <proxy/upstream/dial.hpp>
#include <proxy/upstream/h1_upstream.hpp>
#include <proxy/upstream/h2_upstream.hpp>
#include <proxy/upstream/pool.hpp>

#include <algorithm>
#include <string>

namespace sandgate::proxy::upstream {
namespace {

Counter& gauge(Metrics& metrics, UpstreamState state) {
  return metrics.upstream_connections[static_cast<std::size_t>(state)];
}

}  // namespace

Pool::Pool(const Environment& environment)
    : environment_(environment),
      links_(environment.loop, {environment.buffers, environment.metrics, environment.config}, *this) {}

Pool::~Pool() { close_idle(); }

Task<Result<UpstreamPtr>> Pool::open(const Destination& destination, Reuse reuse, Attempt& attempt,
                                     std::pmr::memory_resource* memory) {
  if (destination.protocol == routing::UpstreamProtocol::h2c) {
    co_return co_await open_stream(destination, reuse, attempt, memory);
  }
  // First, so that nothing fails once there is a connection that is counted.
  void* const place = memory->allocate(sizeof(H1Upstream), alignof(H1Upstream));
  std::unique_ptr<Connection> connection;
  if (reuse == Reuse::allowed) connection = take_idle(destination);
  environment_.metrics.upstream_reuse[connection ? 1 : 0].add();
  if (!connection) {
    Result<std::unique_ptr<Connection>> dialled = co_await dial_new(destination, attempt);
    if (dialled.has_error()) co_return dialled.error();
    connection = std::move(*dialled);
  }
  const H1Upstream::Setting setting{*this, environment_.buffers, environment_.config};
  co_return UpstreamPtr(new (place) H1Upstream(std::move(connection), setting, memory));
}

Task<Result<UpstreamPtr>> Pool::open_stream(const Destination& destination, Reuse reuse, Attempt& attempt,
                                            std::pmr::memory_resource* memory) {
  void* const place = memory->allocate(sizeof(H2Upstream), alignof(H2Upstream));  // First, as above.
  const Result<H2Link*> opened = co_await links_.open(destination, reuse, attempt);
  if (opened.has_error()) co_return opened.error();
  H2Link& link = **opened;
  environment_.metrics.upstream_reuse[link.has_carried() ? 1 : 0].add();
  co_return UpstreamPtr(new (place) H2Upstream(link, environment_.config, memory));
}

std::unique_ptr<Connection> Pool::take_idle(const Destination& destination) {
  // Looked up each time: a shelf goes with the last connection of it.
  for (auto found = shelves_.find(destination); found != shelves_.end(); found = shelves_.find(destination)) {
    IdleShelf& shelf = found->second->idle;
    IdleEntry* const newest = idle_.newest(shelf);
    if (newest == nullptr) return nullptr;
    auto& connection = static_cast<Connection&>(*newest);
    if (connection.transport.is_readable() || connection.transport.is_gone()) {  // It spoke out of turn, or ended.
      close_idle(connection);
      continue;
    }
    connection.wake();
    idle_.remove(connection, shelf);
    gauge(environment_.metrics, UpstreamState::idle).subtract();
    gauge(environment_.metrics, UpstreamState::active).add();
    return std::unique_ptr<Connection>(&connection);
  }
  return nullptr;
}

Task<Result<std::unique_ptr<Connection>>> Pool::dial_new(const Destination& destination, Attempt& attempt) {
  const config::Endpoint to{destination.route->address, destination.dial_port(), {}};
  if (!environment_.dial_policy->permits(to.ip, to.port)) co_return Failure::sandbox_unreachable;
  const TimePoint begun = Clock::now();
  Result<std::unique_ptr<Connection>> dialled = co_await dial_counted(to, attempt);
  attempt.connect = Clock::now() - begun;
  if (dialled.has_error()) co_return dialled.error();
  environment_.metrics.connect_duration.observe(attempt.connect);
  const routing::Lookup now = environment_.routes.find(destination.route->id);
  const bool is_same = now.route && now.route->generation == destination.route->generation &&
                       now.route->address == destination.route->address;
  if (!is_same) co_return Failure::route_changed;
  Connection& connection = **dialled;
  connection.shelf = &shelf_for(destination);
  ++connection.shelf->connections;
  connection.usage = destination.usage;
  connection.usage->connections.fetch_add(1, std::memory_order_relaxed);
  gauge(environment_.metrics, UpstreamState::active).add();
  co_return dialled;
}

Task<Result<std::unique_ptr<Connection>>> Pool::dial_counted(config::Endpoint to, Attempt& attempt) {
  const GaugeMark mark(gauge(environment_.metrics, UpstreamState::connecting));
  Connection::Owner& owner = *this;
  const DialOrder order{to, environment_.config->timeouts, attempt};
  co_return co_await dial(environment_.loop, environment_.buffers, owner, order);
}

PoolShelf& Pool::shelf_for(const Destination& destination) {
  const auto found = shelves_.find(destination);
  if (found != shelves_.end()) return *found->second;
  PoolKey key = PoolKey::of(destination);
  auto shelf = std::make_unique<PoolShelf>();
  shelf->key = key;
  shelf->endpoint_text = config::Endpoint{key.address, key.port, {}}.to_string();
  return *shelves_.emplace(std::move(key), std::move(shelf)).first->second;
}

void Pool::keep(std::unique_ptr<Connection> connection, std::chrono::milliseconds idle_for) {
  const PoolLimits& limits = environment_.limits;
  if (idle_for.count() <= 0 || limits.idle_per_port == 0 || limits.idle_total == 0) {
    return discard(std::move(connection));
  }
  PoolShelf& shelf = *connection->shelf;
  // The one that comes back is the freshest; what makes room for it is the oldest.
  if (shelf.idle.size() >= limits.idle_per_port) close_idle(static_cast<Connection&>(*idle_.oldest(shelf.idle)));
  if (idle_.size() >= limits.idle_total) close_idle(static_cast<Connection&>(*idle_.oldest()));
  gauge(environment_.metrics, UpstreamState::active).subtract();
  gauge(environment_.metrics, UpstreamState::idle).add();
  Connection& kept = *connection.release();
  idle_.add(kept, shelf.idle);
  kept.rest(environment_.loop.now() + idle_for);
}

void Pool::discard(std::unique_ptr<Connection> connection) {
  gauge(environment_.metrics, UpstreamState::active).subtract();
  forget(*connection);
}

void Pool::close_idle(Connection& connection) {
  const std::unique_ptr<Connection> owner(&connection);
  idle_.remove(connection, connection.shelf->idle);
  gauge(environment_.metrics, UpstreamState::idle).subtract();
  forget(connection);
}

void Pool::forget(Connection& connection) {
  connection.usage->connections.fetch_sub(1, std::memory_order_relaxed);
  PoolShelf& shelf = *connection.shelf;
  if (--shelf.connections > 0) return;
  const auto found = shelves_.find(shelf.key);
  if (found != shelves_.end()) shelves_.erase(found);
}

void Pool::idle_ended(Connection& connection) { close_idle(connection); }

void Pool::end_generation(const routing::SandboxId& id, std::string_view generation) {
  idle_.for_each([&](IdleEntry& entry) {
    auto& connection = static_cast<Connection&>(entry);
    const PoolKey& key = connection.shelf->key;
    if (key.id == id && key.generation != generation) close_idle(connection);
  });
  links_.end_generation(id, generation);
}

void Pool::close_idle() {
  idle_.for_each([&](IdleEntry& entry) { close_idle(static_cast<Connection&>(entry)); });
}

}  // namespace sandgate::proxy::upstream

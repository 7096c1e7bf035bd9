// pool: a worker's connections to sandboxes, open and idle.
//
// Keyed by sandbox, generation, address, port and protocol (contract 5): never shared across. Before the first byte
// goes over a connection the generation is checked again, so an address that was given to another sandbox while it was
// being dialled never gets this one's bytes. When a generation ends, `end_generation` closes what is idle of it; what
// is open is LiveExchanges' business. HTTP/1 connections are used by one exchange at a time and rest in between; those
// of HTTP/2 are shared (h2_links).
#pragma once

#include <config/config.hpp>
#include <proxy/metrics.hpp>
#include <proxy/upstream/connection.hpp>
#include <proxy/upstream/dial_policy.hpp>
#include <proxy/upstream/h2_links.hpp>
#include <proxy/upstream/upstream.hpp>
#include <routing/route_table.hpp>

#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace sandgate::proxy::upstream {

/// The part of a process-wide limit that one worker may use.
struct PoolLimits {
  std::size_t idle_per_port = 256;
  std::size_t idle_total = 16384;
};

class Pool final : public Opener, private Connection::Owner, private H2Links::Dialler {
 public:
  struct Environment {
    Loop& loop;
    BufferPool& buffers;
    Metrics& metrics;
    const routing::RouteTable& routes;
    const std::shared_ptr<const config::Config>& config;
    const std::shared_ptr<const DialPolicy>& dial_policy;
    PoolLimits limits;
  };

  explicit Pool(const Environment& environment);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Task<Result<UpstreamPtr>> open(const Destination& destination, Reuse reuse, Attempt& attempt,
                                 std::pmr::memory_resource* memory) override;

  /// Gives back what an upstream is done with.
  void keep(std::unique_ptr<Connection> connection, std::chrono::milliseconds idle_for);
  void discard(std::unique_ptr<Connection> connection) override;

  /// Closes idle connections of `id` whose generation is not `generation`.
  void end_generation(const routing::SandboxId& id, std::string_view generation);
  void close_idle();

 private:
  void idle_ended(Connection& connection) override;
  std::unique_ptr<Connection> take_idle(const Destination& destination);
  void close_idle(Connection& connection);
  PoolShelf& shelf_for(const Destination& destination);
  Task<Result<UpstreamPtr>> open_stream(const Destination& destination, Reuse reuse, Attempt& attempt,
                                        std::pmr::memory_resource* memory);
  Task<Result<std::unique_ptr<Connection>>> dial_new(const Destination& destination, Attempt& attempt) override;
  Task<Result<std::unique_ptr<Connection>>> dial_counted(config::Endpoint to, Attempt& attempt);
  void forget(Connection& connection);

  Environment environment_;
  std::unordered_map<PoolKey, std::unique_ptr<PoolShelf>, PoolKeyHash, PoolKeyEqual> shelves_;
  IdleList idle_;
  H2Links links_;
};

}  // namespace sandgate::proxy::upstream

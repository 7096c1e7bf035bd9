// route_table: id -> Route for a million sandboxes, read by every worker on every request.
//
// Sharded: a lookup takes one shard's lock for the time of one hash probe and one reference count. Records are parsed
// outside. A change is visible to every worker when `apply` returns, and says what the change means for what is live.
#pragma once

#include <routing/route.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::routing {

/// What is live for one sandbox in this process, whatever worker it runs on. It outlives changes of the route.
struct Usage {
  std::atomic<std::int32_t> active{0};       ///< Exchanges and tunnels now.
  std::atomic<std::int32_t> connections{0};  ///< Upstream connections, idle ones included.
  std::atomic<std::uint64_t> exchanges{0};   ///< Ever started.
  std::atomic<std::uint64_t> bytes_up{0};
  std::atomic<std::uint64_t> bytes_down{0};
  std::atomic<std::int64_t> last_use_unix_ms{0};
};

enum class LookupResult : std::uint8_t { found, not_found, invalid, unavailable };

struct Lookup {
  LookupResult result = LookupResult::not_found;
  RoutePtr route;                ///< When found.
  std::shared_ptr<Usage> usage;  ///< When found.
};

struct RouteChange {
  enum class Kind : std::uint8_t { put, put_invalid, remove };
  Kind kind = Kind::put;
  SandboxId id;
  RoutePtr route;  ///< When put.
};

/// What a change did. `generation_ended`: what was live under the old generation must be reset and its idle
/// connections closed; `usage` is that of the old entry then (nothing live = nothing to do).
struct Applied {
  bool existed = false;
  bool generation_ended = false;
  std::shared_ptr<Usage> usage;
};

class RouteTable {
 public:
  RouteTable();
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  /// Expiry and pause are the caller's to judge (they need `now` and the contract's reasons).
  Lookup find(const SandboxId& id) const;
  Applied apply(RouteChange change);
  /// Makes room for `count` entries in all, so that a bulk load does not rehash under traffic.
  void reserve(std::size_t count);

  std::size_t size() const;           ///< Valid routes.
  std::size_t invalid_count() const;  ///< Ids that answer record_invalid.
  /// Ids in the table, unordered; for reload differences and tests.
  std::vector<SandboxId> ids() const;

 private:
  struct Shard;
  std::unique_ptr<Shard[]> shards_;
  std::atomic<std::size_t> valid_{0};
  std::atomic<std::size_t> invalid_{0};
};

}  // namespace sandgate::routing

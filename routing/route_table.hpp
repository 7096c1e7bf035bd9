// route_table: id -> Route for a million sandboxes, read by every worker on every request.
//
// Sharded: a lookup shares one shard's lock for the time of one hash probe and two reference counts, so readers never
// wait for each other, and for a writer only as long as it changes one entry or, rarely, grows one of many small
// shards. Records are parsed, and routes destroyed, outside of the locks. A change is visible to every worker when
// `apply` returns, and says what the change means for what is live. Nothing here fails but for want of memory.
//
// A source that holds only a part of what there is (a cache of another database) says so with `hold_part`: an id that is
// not here is then unknown, what is known not to be there is an entry of its own, and every entry has a Trust.
#pragma once

#include <routing/route.hpp>
#include <routing/trust.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sandgate::routing {

/// What is live for one sandbox in this process, whatever worker it runs on. It is made when the sandbox is first
/// looked up and outlives changes of the route, but not its removal: a sandbox put again after that starts from
/// nothing.
struct Usage {
  std::atomic<std::int32_t> active{0};       ///< Exchanges and tunnels now.
  std::atomic<std::int32_t> connections{0};  ///< Upstream connections, idle ones included.
  std::atomic<std::uint64_t> exchanges{0};   ///< Ever started.
  std::atomic<std::uint64_t> bytes_up{0};
  std::atomic<std::uint64_t> bytes_down{0};
  std::atomic<std::int64_t> last_use_unix_ms{0};
};

/// `unknown`: the source must be asked; what was known before, if anything, is in `route`.
enum class LookupResult : std::uint8_t { found, not_found, invalid, unavailable, unknown };

struct Lookup {
  LookupResult result = LookupResult::not_found;
  RoutePtr route;                ///< When found.
  std::shared_ptr<Usage> usage;  ///< When found.
  bool is_stale = false;         ///< Found, and it may have changed: the source is away.
};

struct RouteChange {
  enum class Kind : std::uint8_t { put, put_invalid, put_absent, remove };
  Kind kind = Kind::put;
  SandboxId id;
  RoutePtr route;    ///< When put.
  TrustPtr trust{};  ///< Of what is put.
};

/// What a change did. A generation ends when a valid route is removed, becomes invalid, or gets another generation;
/// then what was live under the old one must be reset and its idle connections closed. When only the access changed,
/// what is live is asked again whether it may stay. A change of anything else, the address included, is for the next
/// request (contract 5).
struct Applied {
  bool existed = false;  ///< The id was in the table, valid or not.
  bool generation_ended = false;
  bool access_changed = false;   ///< Of a route whose generation goes on.
  std::shared_ptr<Usage> usage;  ///< The old entry's. Null: it was never looked up, so nothing is live.
};

class RouteTable {
 public:
  RouteTable();
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  /// Expiry and pause are the caller's to judge (they need `now` and the contract's reasons). Allocates only when it is
  /// the first to find an id.
  Lookup find(const SandboxId& id) const;
  /// A put whose route is null or of another id is a broken invariant and aborts.
  Applied apply(RouteChange change);
  /// Another trust for what the table has of `id`, if it has anything.
  void entrust(const SandboxId& id, TrustPtr trust);
  /// What is live for `id`; null: nothing, it was never looked up.
  std::shared_ptr<const Usage> usage_of(const SandboxId& id) const;
  /// The table is a part of what there is: an id that is not in it is unknown. Before the first lookup.
  void hold_part() { holds_part_ = true; }
  /// Makes room for `count` entries in all, so that a bulk load does not rehash under traffic.
  void reserve(std::size_t count);

  std::size_t size() const;           ///< Valid routes.
  std::size_t invalid_count() const;  ///< Ids that answer record_invalid.
  /// Ids in the table, unordered; for reload differences and tests.
  std::vector<SandboxId> ids() const;

 private:
  struct Shard;
  Shard& shard_for(std::size_t hash) const;
  Lookup find_unrouted(const Shard& shard, const SandboxId& id) const;

  std::unique_ptr<Shard[]> shards_;
  std::atomic<std::size_t> valid_{0};
  std::atomic<std::size_t> invalid_{0};
  bool holds_part_ = false;
};

}  // namespace sandgate::routing

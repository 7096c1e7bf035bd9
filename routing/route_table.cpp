#include <routing/route_table.hpp>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <cmath>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace sandgate::routing {
namespace {

/// With a million routes a shard holds a thousand: growing it keeps its readers waiting for less than a millisecond.
constexpr std::size_t kShards = 1024;
constexpr std::size_t kCacheLine = 64;

/// An id whose hash is known: it chooses the shard and then the place in it.
struct HashedId {
  explicit HashedId(const SandboxId& named) : id(named), hash(SandboxIdHash{}(named)) {}
  const SandboxId& id;
  std::size_t hash;
};

/// Hashed and compared by the route's id, which is not held again; the rest may change in place.
struct Entry {
  mutable RoutePtr route;
  mutable std::shared_ptr<Usage> usage;  ///< Null until the first lookup.
};

struct EntryHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(const Entry& entry) const { return SandboxIdHash{}(entry.route->id); }
  std::size_t operator()(const HashedId& key) const { return key.hash; }
};

struct EntryEqual {
  using is_transparent = void;
  bool operator()(const Entry& a, const Entry& b) const { return a.route->id == b.route->id; }
  bool operator()(const Entry& entry, const HashedId& key) const { return (*this)(key, entry); }
  bool operator()(const HashedId& key, const Entry& entry) const {
    // With a million routes neither is in a cache. The lookup counts a reference to both: let them be fetched together.
    __builtin_prefetch(entry.usage.get(), 1);
    return key.id == entry.route->id;
  }
};

}  // namespace

struct alignas(kCacheLine) RouteTable::Shard {
  std::shared_mutex mutex;
  boost::unordered_flat_set<Entry, EntryHash, EntryEqual> routes;
  /// Ids that answer record_invalid, and what is still live of them.
  boost::unordered_flat_map<SandboxId, std::shared_ptr<Usage>, SandboxIdHash> invalid;
};

RouteTable::RouteTable() : shards_(std::make_unique<Shard[]>(kShards)) {}
RouteTable::~RouteTable() = default;

/// The shard's own table uses the hash's highest bits and its lowest eight; these are between.
RouteTable::Shard& RouteTable::shard_for(std::size_t hash) const { return shards_[(hash >> 16) % kShards]; }

Lookup RouteTable::find(const SandboxId& id) const {
  const HashedId key(id);
  Shard& shard = shard_for(key.hash);
  {
    const std::shared_lock lock(shard.mutex);
    const auto entry = shard.routes.find(key);
    if (entry == shard.routes.end()) {
      return {shard.invalid.contains(id) ? LookupResult::invalid : LookupResult::not_found, nullptr, nullptr};
    }
    if (entry->usage) return {LookupResult::found, entry->route, entry->usage};
  }
  // The first lookup of this id. Between the two locks it may have changed or gone.
  auto usage = std::make_shared<Usage>();
  {
    const std::unique_lock lock(shard.mutex);
    const auto entry = shard.routes.find(key);
    if (entry != shard.routes.end() && !entry->usage) entry->usage = std::move(usage);
  }
  return find(id);
}

namespace {

/// Another instance has taken the old one's place, or the sandbox stopped running.
bool has_ended(const Route& old_route, const Route& new_route) {
  const bool stopped = old_route.state == SandboxState::running && new_route.state != SandboxState::running;
  return stopped || old_route.generation != new_route.generation;
}

}  // namespace

Applied RouteTable::apply(RouteChange change) {
  using Kind = RouteChange::Kind;
  const bool is_put = change.kind == Kind::put;
  if (is_put && !(change.route && change.route->id == change.id)) std::abort();

  const HashedId key(change.id);
  Shard& shard = shard_for(key.hash);
  Applied applied;
  RoutePtr replaced;  // Destroyed after the lock is released.
  const std::unique_lock lock(shard.mutex);
  if (const auto entry = shard.routes.find(key); entry != shard.routes.end()) {
    applied.existed = true;
    applied.generation_ended = !is_put || has_ended(*entry->route, *change.route);
    applied.usage = entry->usage;
    replaced = std::move(entry->route);
    if (is_put) {
      entry->route = std::move(change.route);
      return applied;
    }
    shard.routes.erase(entry);
    --valid_;
  } else if (const auto invalid = shard.invalid.find(change.id); invalid != shard.invalid.end()) {
    applied.existed = true;
    applied.usage = std::move(invalid->second);
    shard.invalid.erase(invalid);
    --invalid_;
  }
  if (is_put) {
    shard.routes.insert(Entry{std::move(change.route), applied.usage});
    ++valid_;
  } else if (change.kind == Kind::put_invalid) {
    shard.invalid.emplace(change.id, applied.usage);
    ++invalid_;
  }
  return applied;
}

void RouteTable::reserve(std::size_t count) {
  // Ids fall into shards at random: four standard deviations above the mean are enough for nearly all of them.
  const double mean = static_cast<double>(count) / kShards;
  const auto per_shard = static_cast<std::size_t>(mean + 4 * std::sqrt(mean));
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::unique_lock lock(shards_[i].mutex);
    shards_[i].routes.reserve(per_shard);
  }
}

std::size_t RouteTable::size() const { return valid_; }
std::size_t RouteTable::invalid_count() const { return invalid_; }

std::vector<SandboxId> RouteTable::ids() const {
  std::vector<SandboxId> ids;
  ids.reserve(size() + invalid_count());
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::shared_lock lock(shards_[i].mutex);
    for (const Entry& entry : shards_[i].routes) ids.push_back(entry.route->id);
    for (const auto& [id, usage] : shards_[i].invalid) ids.push_back(id);
  }
  return ids;
}

}  // namespace sandgate::routing

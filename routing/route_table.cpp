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
  mutable TrustPtr trust;
};

/// An id that has no route: its record is invalid, or it is known that there is none.
struct Unrouted {
  LookupResult result = LookupResult::invalid;
  std::shared_ptr<Usage> usage;  ///< What is still live of it.
  TrustPtr trust;
};

Standing standing_of(const TrustPtr& trust) { return trust ? trust->standing() : Standing::fresh; }

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
  boost::unordered_flat_map<SandboxId, Unrouted, SandboxIdHash> unrouted;
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
    if (entry == shard.routes.end()) return find_unrouted(shard, id);
    if (entry->usage) {
      const Standing standing = standing_of(entry->trust);
      const auto result = standing == Standing::doubtful ? LookupResult::unknown : LookupResult::found;
      return {result, entry->route, entry->usage, standing == Standing::stale};
    }
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

Lookup RouteTable::find_unrouted(const Shard& shard, const SandboxId& id) const {
  const auto entry = shard.unrouted.find(id);
  if (entry == shard.unrouted.end()) {
    return {holds_part_ ? LookupResult::unknown : LookupResult::not_found, nullptr, nullptr};
  }
  const Standing standing = standing_of(entry->second.trust);
  // That there is none is believed only while it is sure (contract 6: an outage never says "not found").
  const bool is_usable =
      standing == Standing::fresh || (standing == Standing::stale && entry->second.result == LookupResult::invalid);
  return {is_usable ? entry->second.result : LookupResult::unknown, nullptr, nullptr};
}

void RouteTable::entrust(const SandboxId& id, TrustPtr trust) {
  const HashedId key(id);
  Shard& shard = shard_for(key.hash);
  const std::unique_lock lock(shard.mutex);
  if (const auto entry = shard.routes.find(key); entry != shard.routes.end()) {
    entry->trust.swap(trust);
  } else if (const auto unrouted = shard.unrouted.find(id); unrouted != shard.unrouted.end()) {
    unrouted->second.trust.swap(trust);
  }
}

std::shared_ptr<const Usage> RouteTable::usage_of(const SandboxId& id) const {
  const HashedId key(id);
  Shard& shard = shard_for(key.hash);
  const std::shared_lock lock(shard.mutex);
  const auto entry = shard.routes.find(key);
  return entry == shard.routes.end() ? nullptr : entry->usage;
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
    applied.access_changed = is_put && !(entry->route->access == change.route->access);
    applied.usage = entry->usage;
    replaced = std::move(entry->route);
    if (is_put) {
      entry->route = std::move(change.route);
      entry->trust.swap(change.trust);
      return applied;
    }
    shard.routes.erase(entry);
    --valid_;
  } else if (const auto unrouted = shard.unrouted.find(change.id); unrouted != shard.unrouted.end()) {
    applied.existed = unrouted->second.result == LookupResult::invalid;
    applied.usage = std::move(unrouted->second.usage);
    if (applied.existed) --invalid_;
    shard.unrouted.erase(unrouted);
  }
  if (is_put) {
    shard.routes.insert(Entry{std::move(change.route), applied.usage, std::move(change.trust)});
    ++valid_;
  } else if (change.kind == Kind::put_invalid) {
    shard.unrouted.emplace(change.id, Unrouted{LookupResult::invalid, applied.usage, std::move(change.trust)});
    ++invalid_;
  } else if (change.kind == Kind::put_absent) {
    shard.unrouted.emplace(change.id, Unrouted{LookupResult::not_found, applied.usage, std::move(change.trust)});
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
    for (const auto& [id, unrouted] : shards_[i].unrouted) {
      if (unrouted.result == LookupResult::invalid) ids.push_back(id);
    }
  }
  return ids;
}

}  // namespace sandgate::routing

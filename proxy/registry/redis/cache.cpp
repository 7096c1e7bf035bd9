#include <proxy/registry/redis/cache.hpp>

#include <utility>

namespace sandgate::proxy::registry::redis {
namespace {

constexpr std::size_t kAbsentShare = 4;  // Of all entries, one in so many may stand for an id that does not exist.
// One eviction looks at so many at most: past half of them the next that is not open goes, used or not.
constexpr std::size_t kMostLooks = 1024;

}  // namespace

void Cache::keep(const SandboxId& id, Known known, std::size_t record_bytes, TimePoint until) {
  const auto [at, is_new] = entries_.try_emplace(id);
  Entry& entry = at->second;
  const bool moves = is_new || entry.known != known;
  if (!is_new) {
    if (moves) queue_of(entry).erase(Queue::s_iterator_to(entry));
    if (entry.until != kNever) mortal_.erase(mortal_.iterator_to(entry));
    bytes_ -= entry.bytes;
  }
  entry.id = id;
  entry.known = known;
  entry.bytes = kEntryBytes + record_bytes;
  entry.until = until;
  if (moves) queue_of(entry).push_back(entry);
  if (until != kNever) mortal_.insert(entry);
  bytes_ += entry.bytes;
}

void Cache::unlink(Entry& entry) {
  queue_of(entry).erase(Queue::s_iterator_to(entry));
  if (entry.until != kNever) mortal_.erase(mortal_.iterator_to(entry));
  bytes_ -= entry.bytes;
}

void Cache::drop(const SandboxId& id) {
  const auto at = entries_.find(id);
  if (at == entries_.end()) return;
  unlink(at->second);
  entries_.erase(at);
}

std::optional<Known> Cache::find(const SandboxId& id) const {
  const auto at = entries_.find(id);
  return at == entries_.end() ? std::nullopt : std::optional(at->second.known);
}

void Cache::remove(Entry& entry, std::vector<SandboxId>& gone) {
  gone.push_back(entry.id);
  drop(gone.back());
}

bool Cache::evict_record(std::vector<SandboxId>& gone) {
  for (std::size_t looks = 0; looks < kMostLooks && looks < 2 * records_.size(); ++looks) {
    Entry& entry = records_.front();
    const auto uses = uses_(entry.id);
    const bool is_cold = uses && (*uses == entry.uses || looks >= kMostLooks / 2);
    if (is_cold) {
      remove(entry, gone);
      return true;
    }
    if (uses) entry.uses = *uses;
    records_.splice(records_.end(), records_, records_.begin());
  }
  return false;
}

std::vector<SandboxId> Cache::evict() {
  std::vector<SandboxId> gone;
  while (absent_.size() > limits_.entries / kAbsentShare) remove(absent_.front(), gone);
  while (entries_.size() > limits_.entries || bytes_ > limits_.bytes) {
    // Names of nothing go before records do when there is no room at all.
    if (!absent_.empty() && bytes_ > limits_.bytes) {
      remove(absent_.front(), gone);
    } else if (!evict_record(gone)) {
      break;
    }
  }
  return gone;
}

std::vector<SandboxId> Cache::take_due(TimePoint now) {
  std::vector<SandboxId> due;
  while (!mortal_.empty() && mortal_.begin()->until <= now) {
    Entry& entry = *mortal_.begin();
    mortal_.erase(mortal_.begin());
    entry.until = kNever;
    due.push_back(entry.id);
  }
  return due;
}

TimePoint Cache::next_due() const { return mortal_.empty() ? kNever : mortal_.begin()->until; }

void Cache::for_each_record(const std::function<void(const SandboxId& id)>& visit) const {
  for (const Entry& entry : records_) visit(entry.id);
}

void Cache::clear() {
  mortal_.clear();
  records_.clear();
  absent_.clear();
}

}  // namespace sandgate::proxy::registry::redis

// cache: which ids the table holds of what Redis said, until when, and which of them give way. Pure: `now` is an
// argument, and the routes themselves are in the table.
//
//   kept ──(its key's time to live is over)──▶ due      the caller asks again, or drops it
//   kept ──(no room)──▶ evicted                         the one that was not used since it was last passed over
//
// Two bounds, entries and bytes. Ids that are known not to exist have at most a quarter of the entries, and give way
// among themselves: whoever asks for one name after another cannot push out what is used.
#pragma once

#include <proxy/base/deadline.hpp>
#include <routing/sandbox_id.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace sandgate::proxy::registry::redis {

using routing::SandboxId;

enum class Known : std::uint8_t { record, absent };

class Cache {
 public:
  struct Limits {
    std::size_t entries = 1'000'000;
    std::size_t bytes = std::size_t{1024} * 1024 * 1024;
  };
  /// How often `id` was used, ever; nothing: something is open to it, so it must stay. Asked only to choose who goes.
  using Uses = std::function<std::optional<std::uint64_t>(const SandboxId& id)>;

  /// What an entry takes in the table and here, beside its record.
  static constexpr std::size_t kEntryBytes = 640;

  Cache(Limits limits, Uses uses) : limits_(limits), uses_(std::move(uses)) {}
  ~Cache() { clear(); }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// New, or known anew. `until`: when its key dies; kNever: not by itself.
  void keep(const SandboxId& id, Known known, std::size_t record_bytes, TimePoint until);
  void drop(const SandboxId& id);
  std::optional<Known> find(const SandboxId& id) const;

  /// Who must go for the bounds to hold; they have gone from here.
  std::vector<SandboxId> evict();
  /// Whose key is dead by now. They stay until they are dropped or kept anew, but are not given again.
  std::vector<SandboxId> take_due(TimePoint now);
  TimePoint next_due() const;  ///< kNever: none.

  void for_each_record(const std::function<void(const SandboxId& id)>& visit) const;
  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry : boost::intrusive::list_base_hook<>, boost::intrusive::set_base_hook<> {
    SandboxId id;
    Known known = Known::record;
    std::size_t bytes = 0;
    std::uint64_t uses = 0;  ///< When it was last passed over.
    TimePoint until = kNever;
  };
  struct Sooner {
    bool operator()(const Entry& a, const Entry& b) const { return a.until < b.until; }
  };
  using Queue = boost::intrusive::list<Entry>;

  Queue& queue_of(const Entry& entry) { return entry.known == Known::record ? records_ : absent_; }
  void unlink(Entry& entry);
  void remove(Entry& entry, std::vector<SandboxId>& gone);
  /// False: everything that was looked at is open.
  bool evict_record(std::vector<SandboxId>& gone);
  void clear();

  Limits limits_;
  Uses uses_;
  std::unordered_map<SandboxId, Entry, routing::SandboxIdHash> entries_;
  Queue records_;                                                                ///< The next to be looked at first.
  Queue absent_;                                                                 ///< The oldest first.
  boost::intrusive::multiset<Entry, boost::intrusive::compare<Sooner>> mortal_;  ///< Those that have an `until`.
  std::size_t bytes_ = 0;
};

}  // namespace sandgate::proxy::registry::redis

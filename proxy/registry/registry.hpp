// registry: what the edge knows of all sandboxes, and the way a source feeds it.
//
// A source (file, store, Redis, Kubernetes) feeds it from one thread, the control thread or one of its own, through
// `put` and `remove`; workers only read the table. Records are parsed on the source's thread, outside of any lock a
// worker takes. A record that does not parse takes its own id out of service and is remembered with what is wrong, until
// it is mended or removed.
//
// A source that holds everything answers every lookup from the table. One that holds a part (Redis) is a Resolver too: an
// id the table does not know, or may not trust any longer, is asked of it, and only then does a lookup wait.
#pragma once

#include <proxy/registry/checked_record.hpp>
#include <proxy/registry/question.hpp>
#include <routing/route_record.hpp>
#include <routing/route_table.hpp>

#include <boost/system/result.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace sandgate::proxy::registry {

using routing::RecordError;
using routing::SandboxId;

/// Told to every worker: of `id` only what has the generation of `route`, and is still permitted by it, may stay open.
/// Null: nothing at all.
struct RouteChanged {
  SandboxId id;
  routing::RoutePtr route;
};

class Registry {
 public:
  using OnRouteChanged = std::function<void(const RouteChanged&)>;
  using OnInvalidRecord = std::function<void(std::string_view id, const RecordError&)>;
  using OnLockedRecord = std::function<void(const SandboxId& id)>;

  const routing::RouteTable& table() const { return table_; }
  routing::RouteTable& table() { return table_; }

  /// What a request asks, on any thread. Before the first load nobody knows what there is: unavailable, not not_found.
  routing::Lookup find(const SandboxId& id) const {
    routing::Lookup found = table_.find(id);
    const bool is_answer =
        found.result != routing::LookupResult::not_found && found.result != routing::LookupResult::unknown;
    if (!is_answer && !is_loaded_) found.result = routing::LookupResult::unavailable;
    return found;
  }
  /// For what `find` calls unknown: co_await the answer, which comes by `deadline`. Only with a Resolver.
  Question ask(Loop& loop, const SandboxId& id, TimePoint deadline) const { return {*resolver_, loop, id, deadline}; }
  /// The source knows more than the table holds. Before the first lookup.
  void resolve_with(Resolver& resolver) {
    resolver_ = &resolver;
    table_.hold_part();
  }

  /// Set once, before the first source loads. Called only when something of the sandbox is live in this process.
  void on_route_changed(OnRouteChanged callback) { on_route_changed_ = std::move(callback); }
  void on_invalid_record(OnInvalidRecord callback) { on_invalid_record_ = std::move(callback); }
  /// A record was put that asks for a token, on all ports or on one, and has none: it is valid and lets nobody in
  /// there (contract 3). Said once, until it is mended or removed.
  void on_locked_record(OnLockedRecord callback) { on_locked_record_ = std::move(callback); }

  /// Parses and applies. An error means the id now answers record_invalid; it has been reported. `where` is added to
  /// what is reported: "sandboxes.yaml:12".
  std::optional<RecordError> put(const SandboxId& id, std::string_view json, std::string_view where = {},
                                 const routing::TrustPtr& trust = {});
  void put(const CheckedRecord& record);
  /// The source has something under this id that must not be used: it answers record_invalid, and has been reported.
  void refuse(const SandboxId& id, const RecordError& error, const routing::TrustPtr& trust = {});
  void remove(const SandboxId& id);
  /// The source has no such record. For one that holds a part: otherwise what is not there is absent.
  void put_absent(const SandboxId& id, const routing::TrustPtr& trust);
  /// Drops what the table has of it, which says nothing of whether the record is there.
  void forget(const SandboxId& id);
  /// Something is open to the sandbox, or kept for it.
  bool is_live(const SandboxId& id) const;
  /// An id that cannot even be one (contract 1): counted and reported, never routed.
  void reject(std::string_view id, const RecordError& error);
  /// A rejected id is no longer in the source.
  void forget_rejected(std::string_view id);

  /// The first full load is done: readyz may say so.
  void mark_loaded() { is_loaded_ = true; }
  bool is_loaded() const { return is_loaded_; }

  using InvalidRecords = std::map<std::string, RecordError, std::less<>>;
  /// At most `limit` of those after `after`, on any thread.
  InvalidRecords invalid_records(std::string_view after = {}, std::size_t limit = SIZE_MAX) const;
  std::size_t invalid_count() const;
  struct Updates {
    std::uint64_t put = 0;
    std::uint64_t remove = 0;
    std::uint64_t reload = 0;
  };
  Updates updates() const { return {puts_, removals_, reloads_}; }
  /// The source has read everything again.
  void count_reload() { ++reloads_; }

 private:
  void apply_route(const routing::RoutePtr& route, const routing::TrustPtr& trust = {});
  void remember_invalid(std::string_view id, const RecordError& error);
  void announce(const SandboxId& id, const routing::Applied& applied, routing::RoutePtr route);

  routing::RouteTable table_;
  Resolver* resolver_ = nullptr;
  OnRouteChanged on_route_changed_;
  OnInvalidRecord on_invalid_record_;
  OnLockedRecord on_locked_record_;
  mutable std::mutex mutex_;
  InvalidRecords invalid_;  ///< Guarded by mutex_: the source writes, the admin API reads.
  std::unordered_set<SandboxId, routing::SandboxIdHash> locked_;  ///< Those it was said of. The source's thread only.
  std::atomic<std::uint64_t> puts_{0};
  std::atomic<std::uint64_t> removals_{0};
  std::atomic<std::uint64_t> reloads_{0};
  std::atomic<bool> is_loaded_{false};
};

/// One write: a record to put, or without one the id to remove.
struct Change {
  SandboxId id;
  std::optional<CheckedRecord> record;
};

/// What became of a removal that is meant for one execution only.
enum class Removal : std::uint8_t { removed, absent, other_execution };

/// What a source counts of itself, for the metrics page.
struct SourceFigures {
  /// Since the table was last known to be what the source holds; nothing: the edge's own loads tell.
  std::optional<double> age_seconds;
  std::uint64_t requests = 0;       ///< Records asked for.
  std::uint64_t invalidations = 0;  ///< Changes it was told of.
  std::uint64_t evictions = 0;      ///< Entries that gave way to others.
  std::uint64_t failures = 0;  ///< Requests that failed, answers that made no sense, objects that were passed over.
};

/// A place records come from and, where it can be written, go to. All calls on the control thread, and none of them may
/// keep it for longer than a second or two.
class Source {
 public:
  struct Failed {
    std::string text;  ///< For the log and the admin API: what is wrong, and what to do.
  };
  struct Entry {
    std::string id;
    std::string json;  ///< As stored; show it through redact_record only.
  };

  virtual ~Source() = default;
  /// The first full load; marks the registry loaded. Failed: the edge starts, is not ready, and tries again.
  virtual std::optional<Failed> load() = 0;
  /// What was loaded may have changed (file change, SIGHUP). Keeps what was there when it fails.
  virtual std::optional<Failed> reload() { return std::nullopt; }
  /// Paths whose change means `reload`.
  virtual std::vector<std::string> watched_paths() const { return {}; }
  /// Records past their `expires_at` are gone (contract 7): takes them out, so that what is live for them ends too.
  /// Cheap when none is due; meant to be called about once a second.
  virtual std::optional<Failed> expire(std::chrono::system_clock::time_point /*now*/) { return std::nullopt; }

  /// Ends what it runs by itself. After it nothing is called any more.
  virtual void stop() {}
  virtual SourceFigures figures() const { return {}; }

  /// Makes sure that the table says what the source has of `id`, where it holds only a part. For explanations: it waits.
  virtual void know(const SandboxId& /*id*/) {}

  virtual bool is_writable() const { return false; }
  /// One transaction, in order: all or nothing. Durable and visible to every worker when it returns without Failed.
  /// Gives for each change whether its id was there before.
  virtual boost::system::result<std::vector<bool>, Failed> write(std::span<const Change> changes);
  /// Removes the record only while it is of this execution. Here: read, compare, write, which is exact for a source that
  /// nobody else writes.
  virtual boost::system::result<Removal, Failed> remove_execution(const SandboxId& id, std::string_view execution_id);
  virtual boost::system::result<std::optional<std::string>, Failed> get(const SandboxId& id) = 0;
  /// Ids after `after` in byte order, at most `limit`.
  virtual boost::system::result<std::vector<Entry>, Failed> list(std::string_view after, std::size_t limit) = 0;
};

[[noreturn]] void throw_exception_from_error(const Source::Failed& failed, const boost::source_location& where);

}  // namespace sandgate::proxy::registry

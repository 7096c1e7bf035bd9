// registry: what the edge knows of all sandboxes, and the way a source feeds it.
//
// A source (file, store; later Redis and Kubernetes) runs on the control thread and calls `put` and `remove`; workers
// only read the table. Records are parsed on the control thread, outside of any lock a worker takes. A record that does
// not parse takes its own id out of service and is remembered with what is wrong, until it is mended or removed.
#pragma once

#include <proxy/registry/checked_record.hpp>
#include <routing/route_record.hpp>
#include <routing/route_table.hpp>

#include <boost/system/result.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry {

using routing::RecordError;
using routing::SandboxId;

/// Told to every worker: nothing of `id` whose generation is not `generation` may stay open. Empty: nothing at all.
struct GenerationEnded {
  SandboxId id;
  std::string generation;
};

class Registry {
 public:
  using OnGenerationEnded = std::function<void(const GenerationEnded&)>;
  using OnInvalidRecord = std::function<void(std::string_view id, const RecordError&)>;
  using OnLockedRecord = std::function<void(const SandboxId& id)>;

  const routing::RouteTable& table() const { return table_; }
  routing::RouteTable& table() { return table_; }

  /// What a request asks, on any thread. Before the first load nobody knows what there is: unavailable, not not_found.
  routing::Lookup find(const SandboxId& id) const {
    routing::Lookup found = table_.find(id);
    if (found.result == routing::LookupResult::not_found && !is_loaded_) {
      found.result = routing::LookupResult::unavailable;
    }
    return found;
  }

  /// Set once, before the first source loads. Called only when something of the sandbox is live in this process.
  void on_generation_ended(OnGenerationEnded callback) { on_generation_ended_ = std::move(callback); }
  void on_invalid_record(OnInvalidRecord callback) { on_invalid_record_ = std::move(callback); }
  /// A record was put that asks for a token, on all ports or on one, and has none: it is valid and lets nobody in
  /// there (contract 3).
  void on_locked_record(OnLockedRecord callback) { on_locked_record_ = std::move(callback); }

  /// Parses and applies. An error means the id now answers record_invalid; it has been reported. `where` is added to
  /// what is reported: "sandboxes.yaml:12".
  std::optional<RecordError> put(const SandboxId& id, std::string_view json, std::string_view where = {});
  void put(const CheckedRecord& record);
  void remove(const SandboxId& id);
  /// An id that cannot even be one (contract 1): counted and reported, never routed.
  void reject(std::string_view id, const RecordError& error);
  /// A rejected id is no longer in the source.
  void forget_rejected(std::string_view id);

  /// The first full load is done: readyz may say so.
  void mark_loaded() { is_loaded_ = true; }
  bool is_loaded() const { return is_loaded_; }

  const std::map<std::string, RecordError, std::less<>>& invalid_records() const { return invalid_; }
  struct Updates {
    std::uint64_t put = 0;
    std::uint64_t remove = 0;
    std::uint64_t reload = 0;
  };
  Updates& updates() { return updates_; }

 private:
  void apply_route(const routing::RoutePtr& route);
  void remember_invalid(std::string_view id, const RecordError& error);
  void announce(const SandboxId& id, const routing::Applied& applied, std::string generation);

  routing::RouteTable table_;
  OnGenerationEnded on_generation_ended_;
  OnInvalidRecord on_invalid_record_;
  OnLockedRecord on_locked_record_;
  std::map<std::string, RecordError, std::less<>> invalid_;
  Updates updates_;
  std::atomic<bool> is_loaded_{false};
};

/// One write: a record to put, or without one the id to remove.
struct Change {
  SandboxId id;
  std::optional<CheckedRecord> record;
};

/// A place records come from and, where it can be written, go to. All calls on the control thread.
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

  virtual bool is_writable() const { return false; }
  /// One transaction, in order: all or nothing. Durable and visible to every worker when it returns without Failed.
  /// Gives for each change whether its id was there before.
  virtual boost::system::result<std::vector<bool>, Failed> write(std::span<const Change> changes);
  virtual boost::system::result<std::optional<std::string>, Failed> get(const SandboxId& id) = 0;
  /// Ids after `after` in byte order, at most `limit`.
  virtual boost::system::result<std::vector<Entry>, Failed> list(std::string_view after, std::size_t limit) = 0;
};

[[noreturn]] void throw_exception_from_error(const Source::Failed& failed, const boost::source_location& where);

}  // namespace sandgate::proxy::registry

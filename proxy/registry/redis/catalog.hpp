// catalog: what the edge knows of the records in Redis, and how it comes to know it. On the source's own thread.
//
//   question ──▶ known by now? ──▶ join the flight of its id ──▶ PTTL, GETRANGE ──▶ parse ──▶ table ──▶ answers
//   a key changed ──▶ its flight is void ──▶ something open to it? doubtful, and read again at once : dropped
//   a key's time is over ──▶ the same
//
// The table holds the routes and answers workers; the cache says which ids it holds and who gives way; flights make one
// read of many questions. A doubtful entry that something is open to stays where it is, so that the next reading is
// compared with it and what is open is told of the difference; others are dropped.
//
// A question is answered by its deadline: `unavailable` when Redis said nothing and nothing may be used that was known.
#pragma once

#include <config/config.hpp>
#include <proxy/base/calling.hpp>
#include <proxy/registry/redis/cache.hpp>
#include <proxy/registry/redis/flights.hpp>
#include <proxy/registry/redis/nodes.hpp>
#include <proxy/registry/redis/records.hpp>
#include <proxy/registry/registry.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sandgate::proxy::registry::redis {

class Catalog final : public Link::Owner {
 public:
  struct Setting {
    std::string key_prefix;
    Cache::Limits limits;
    std::string stale_for_text;  ///< For the log.
  };
  static constexpr std::int64_t kExactNow = -1;
  /// Read by the control thread.
  struct Counts {
    std::atomic<std::int64_t> exact_at{0};  ///< Ticks of Clock at which every server was tracked last, or kExactNow.
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> invalidations{0};
    std::atomic<std::uint64_t> evictions{0};
  };

  Catalog(Loop& loop, Registry& registry, Setting setting);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  /// Before anything is asked.
  void use(Nodes& nodes) { nodes_ = &nodes; }
  void take_question(Question& question);
  /// This process changed the record: what follows must see it.
  void changed_by_us(const SandboxId& id) { changed(id); }
  /// Answers every question that is open.
  void give_up();

  std::string key_of(const SandboxId& id) const { return setting_.key_prefix + std::string(id.view()); }
  std::optional<SandboxId> id_of(std::string_view key) const;
  const Counts& counts() const { return counts_; }

 private:
  void link_changed(Link& link) override;
  void key_changed(std::string_view key) override;
  void all_changed(Link& link) override;

  void report_state(const Link& link);
  void changed(const SandboxId& id);
  void doubt(const SandboxId& id);
  void refresh(const SandboxId& id);
  void refresh_live();
  void refresh_more();

  void send(const SandboxId& id);
  void send_to(Link& link, const SandboxId& id, const std::string& preface);
  void landed(const SandboxId& id, Link& link, const Reading& reading);
  void retry_elsewhere(const SandboxId& id, const std::string& error);
  routing::Lookup apply(const SandboxId& id, const Reading& reading, const routing::TrustPtr& trust);
  routing::Lookup apply_absent(const SandboxId& id, const routing::TrustPtr& trust);
  void send_all();
  void answer_known();
  void make_room();

  void on_time();
  void retire_due();
  void plan();

  Loop& loop_;
  Registry& registry_;
  Setting setting_;
  Nodes* nodes_ = nullptr;
  Cache cache_;
  Flights flights_;
  std::deque<SandboxId> to_refresh_;
  routing::TrustPtr doubted_;  ///< Of what is known to have changed.
  Counts counts_;
  CallOnTime<&Catalog::on_time> timer_{*this};
  TimePoint retry_at_ = kNever;
  std::string reported_;  ///< The last state that was logged.
};

}  // namespace sandgate::proxy::registry::redis

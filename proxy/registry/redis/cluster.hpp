// cluster: the servers of a Redis Cluster, who has which slots, and how that is kept up with.
//
//   CLUSTER SLOTS   asked of one server after another: at the start, every kRefreshEvery, and soon after anything that
//                   hints at a change (MOVED, a connection that came or went)
//   a master        is asked, and tells of changes (link): one that is away is stood in for by its replicas, for reading
//   a replica       is only asked; that it has no record proves nothing and is not believed (catalog)
//
// Trust is per server. When slots go from one to another (fail-over, resharding), nothing that the first said is
// believed any more. While a single slot moves, key by key, nothing needs to be done: both servers tell of the keys that
// go and come.
#pragma once

#include <proxy/base/calling.hpp>
#include <proxy/registry/redis/cluster_slots.hpp>
#include <proxy/registry/redis/nodes.hpp>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry::redis {

class Cluster final : public Nodes, private Link::Owner {
 public:
  static constexpr std::chrono::milliseconds kRefreshEvery{1'000};
  static constexpr std::chrono::milliseconds kRefreshSoon{50};

  /// `seed`: any server of the cluster.
  Cluster(const Link::Environment& environment, Link::Place seed);

  void begin() override;
  void stop() override;
  bool is_over() const override;

  Link* reader_for(std::string_view key) override;
  Link* writer_for(std::string_view key) override;
  Link* redirected(const std::string& error) override;
  std::string preface(const std::string& error) const override;
  bool is_exact() const override;
  TimePoint exact_at() const override;
  std::vector<Link*> masters() override;
  std::string problem() const override;

 private:
  struct Shard {
    Link* master = nullptr;
    std::vector<Link*> replicas;
  };
  static constexpr std::size_t kNobody = SIZE_MAX;

  void link_changed(Link& link) override;
  void key_changed(std::string_view key) override { environment_.owner.key_changed(key); }
  void all_changed(Link& link) override { environment_.owner.all_changed(link); }

  const Shard* shard_for(std::string_view key) const;
  Link& link_at(const Link::Place& place, LinkRole role);
  Link* next_to_ask();
  void refresh();
  void refresh_soon();
  void adopt(const std::vector<SlotRange>& ranges);
  void dismiss_unused();
  void bury();

  Link::Environment environment_;
  Link::Environment own_;  ///< The same, with this as the links' owner.
  Link::Place seed_;
  std::map<std::string, std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<Link>> dismissed_;  ///< Until they have ended.
  std::vector<Shard> shards_;
  std::array<std::size_t, kSlots> shard_of_;  ///< Index into shards_, or kNobody.
  std::string last_asked_;
  TimePoint exact_at_;
  CallOnTime<&Cluster::refresh> timer_{*this};
  std::string problem_;
  bool is_stopping_ = false;
};

}  // namespace sandgate::proxy::registry::redis

#include <proxy/registry/redis/cluster.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace sandgate::proxy::registry::redis {

Cluster::Cluster(const Link::Environment& environment, Link::Place seed)
    : environment_(environment),
      own_{environment.loop, environment.buffers, *this, environment.access},
      seed_(std::move(seed)),
      exact_at_(environment.loop.now()) {
  shard_of_.fill(kNobody);
}

void Cluster::begin() { link_at(seed_, LinkRole::replica); }

void Cluster::stop() {
  is_stopping_ = true;
  timer_.disarm();
  for (const auto& [place, link] : links_) link->stop();
}

bool Cluster::is_over() const {
  const auto has_ended = [](const auto& link) { return link->is_over(); };
  return std::ranges::all_of(dismissed_, has_ended) &&
         std::ranges::all_of(links_, [&](const auto& entry) { return has_ended(entry.second); });
}

Link& Cluster::link_at(const Link::Place& place, LinkRole role) {
  std::unique_ptr<Link>& link = links_[place.text()];
  if (!link) {
    link = std::make_unique<Link>(own_, place, role);
    link->begin();
  }
  return *link;
}

// --- who has a key --------------------------------------------------------------------------------------------------

const Cluster::Shard* Cluster::shard_for(std::string_view key) const {
  const std::size_t index = shard_of_[slot_of(key)];
  return index == kNobody ? nullptr : &shards_[index];
}

Link* Cluster::reader_for(std::string_view key) {
  const Shard* shard = shard_for(key);
  if (shard == nullptr) return nullptr;
  if (shard->master->is_usable()) return shard->master;
  const auto usable = std::ranges::find_if(shard->replicas, &Link::is_usable);
  return usable == shard->replicas.end() ? nullptr : *usable;
}

Link* Cluster::writer_for(std::string_view key) {
  const Shard* shard = shard_for(key);
  return shard != nullptr && shard->master->is_usable() ? shard->master : nullptr;
}

Link* Cluster::redirected(const std::string& error) {
  auto redirection = parse_redirection(error);
  if (!redirection) return nullptr;
  if (!redirection->is_ask) refresh_soon();
  if (redirection->place.host.empty()) redirection->place.host = seed_.host;
  Link& link = link_at(redirection->place, LinkRole::master);
  return link.is_usable() && link.role() == LinkRole::master ? &link : nullptr;
}

std::string Cluster::preface(const std::string& error) const {
  const auto redirection = parse_redirection(error);
  return redirection && redirection->is_ask ? command({"ASKING"}) : std::string();
}

std::vector<Link*> Cluster::masters() {
  std::vector<Link*> masters;
  for (const Shard& shard : shards_) {
    if (std::ranges::find(masters, shard.master) == masters.end()) masters.push_back(shard.master);
  }
  return masters;
}

bool Cluster::is_exact() const {
  return !shards_.empty() &&
         std::ranges::all_of(shards_, [](const Shard& shard) { return shard.master->state() == LinkState::tracked; });
}

TimePoint Cluster::exact_at() const {
  TimePoint earliest = shards_.empty() ? exact_at_ : environment_.loop.now();
  for (const Shard& shard : shards_) earliest = std::min(earliest, shard.master->exact_at());
  return earliest;
}

std::string Cluster::problem() const {
  for (const auto& [place, link] : links_) {
    if (!link->problem().empty()) return place + ": " + link->problem();
  }
  return problem_;
}

// --- keeping up -----------------------------------------------------------------------------------------------------

void Cluster::link_changed(Link& link) {
  refresh_soon();
  environment_.owner.link_changed(link);
}

void Cluster::refresh_soon() {
  if (!is_stopping_) environment_.loop.arm(timer_, environment_.loop.now() + kRefreshSoon);
}

/// One after another, so that a server that was cut off from the others is not believed for long.
Link* Cluster::next_to_ask() {
  Link* first = nullptr;
  for (const auto& [place, link] : links_) {
    if (!link->is_usable()) continue;
    if (first == nullptr) first = link.get();
    if (place > last_asked_) {
      last_asked_ = place;
      return link.get();
    }
  }
  if (first != nullptr) last_asked_ = first->place().text();
  return first;
}

void Cluster::refresh() {
  bury();
  environment_.loop.arm(timer_, environment_.loop.now() + kRefreshEvery);
  Link* link = next_to_ask();
  if (link == nullptr) return;
  static const std::string kAsk = command({"CLUSTER", "SLOTS"});
  link->send(kAsk, 1, [this, place = link->place()](std::vector<Reply>* got) {
    if (got == nullptr || is_stopping_) return;
    const auto ranges = parse_slots(got->front(), place);
    const bool is_error = got->front().is_error();
    problem_ = is_error ? got->front().text : ranges ? "" : "the answer to CLUSTER SLOTS makes no sense";
    if (ranges && ranges->empty()) problem_ = "the cluster has no slots yet";
    if (ranges && !ranges->empty()) adopt(*ranges);
  });
}

void Cluster::adopt(const std::vector<SlotRange>& ranges) {
  std::vector<Shard> shards;
  std::array<std::size_t, kSlots> shard_of;
  shard_of.fill(kNobody);
  for (const SlotRange& range : ranges) {
    Shard shard{&link_at(range.master, LinkRole::master), {}};
    shard.master->change_role(LinkRole::master);
    for (const Link::Place& place : range.replicas) {
      Link& replica = link_at(place, LinkRole::replica);
      replica.change_role(LinkRole::replica);
      shard.replicas.push_back(&replica);
    }
    std::fill(shard_of.begin() + range.first, shard_of.begin() + range.last + 1, shards.size());
    shards.push_back(std::move(shard));
  }
  std::set<Link*> losers;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (shard_of_[slot] == kNobody) continue;
    Link* before = shards_[shard_of_[slot]].master;
    const Link* now = shard_of[slot] == kNobody ? nullptr : shards[shard_of[slot]].master;
    if (before != now) losers.insert(before);
  }
  const bool is_new = shards_.empty() || shard_of != shard_of_ || !losers.empty();
  shards_ = std::move(shards);
  shard_of_ = shard_of;
  for (Link* loser : losers) {
    loser->renounce();
    environment_.owner.all_changed(*loser);
  }
  dismiss_unused();
  if (is_new) environment_.owner.link_changed(*shards_.front().master);  // What waits may have somebody to ask now.
}

/// Servers that have left the cluster; the seed stays, as the one the operator named.
void Cluster::dismiss_unused() {
  std::set<const Link*> used;
  for (const Shard& shard : shards_) {
    used.insert(shard.master);
    used.insert(shard.replicas.begin(), shard.replicas.end());
  }
  for (auto at = links_.begin(); at != links_.end();) {
    const bool stays = used.contains(at->second.get()) || at->second->place() == seed_;
    if (stays) {
      if (!used.contains(at->second.get())) at->second->change_role(LinkRole::replica);
      ++at;
      continue;
    }
    at->second->renounce();
    at->second->stop();
    dismissed_.push_back(std::move(at->second));
    at = links_.erase(at);
  }
}

void Cluster::bury() {
  std::erase_if(dismissed_, [](const auto& link) { return link->is_over(); });
}

}  // namespace sandgate::proxy::registry::redis

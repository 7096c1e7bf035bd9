#include <proxy/registry/redis/catalog.hpp>
#include <proxy/report.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::proxy::registry::redis {
namespace {

using routing::LookupResult;
using routing::Standing;

/// How many reads that nobody waits for are under way at once.
constexpr std::size_t kRefreshAtOnce = 512;
/// After a server said that it cannot answer now (it is loading, its cluster has no master for the slot).
constexpr std::chrono::milliseconds kRetryPause{50};

}  // namespace

Catalog::Catalog(Loop& loop, Registry& registry, Setting setting)
    : loop_(loop),
      registry_(registry),
      setting_(std::move(setting)),
      cache_(setting_.limits,
             [this](const SandboxId& id) -> std::optional<std::uint64_t> {
               const auto usage = registry_.table().usage_of(id);
               if (!usage) return 0;
               return usage->active > 0 ? std::nullopt : std::optional(usage->exchanges.load());
             }),
      doubted_(new routing::Trust(Standing::doubtful)) {
  counts_.exact_at = loop_.now().time_since_epoch().count();
}

std::optional<SandboxId> Catalog::id_of(std::string_view key) const {
  if (!key.starts_with(setting_.key_prefix)) return std::nullopt;
  const std::string_view name = key.substr(setting_.key_prefix.size());
  const auto id = SandboxId::parse(name);
  return id && id->view() == name ? id : std::nullopt;
}

// --- questions ------------------------------------------------------------------------------------------------------

void Catalog::take_question(Question& question) {
  routing::Lookup known = registry_.find(question.id());
  if (known.result != LookupResult::unknown) return question.answer(std::move(known));
  if (!flights_.join(question.id(), &question, question.deadline())) {
    return question.answer({LookupResult::unavailable, nullptr, nullptr});
  }
  send(question.id());
  plan();
}

void Catalog::give_up() {
  for (Question* question : flights_.take_all()) question->answer({LookupResult::unavailable, nullptr, nullptr});
}

/// Of the questions that wait for somebody to ask: those that may be answered from what was known before.
void Catalog::answer_known() {
  flights_.for_each_to_send([this](const SandboxId& id) {
    const routing::Lookup known = registry_.find(id);
    if (known.result == LookupResult::unknown) return;
    for (Question* question : flights_.landed(id, true).answered) question->answer(known);
  });
}

// --- reading --------------------------------------------------------------------------------------------------------

void Catalog::send(const SandboxId& id) {
  if (!flights_.is_waiting_to_be_sent(id)) return;
  if (Link* link = nodes_->reader_for(key_of(id))) send_to(*link, id, {});
}

void Catalog::send_to(Link& link, const SandboxId& id, const std::string& preface) {
  flights_.sent(id);
  ++counts_.requests;
  const TimePoint sent_at = loop_.now();
  const std::size_t replies = preface.empty() ? kReadReplies : 2 * kReadReplies;
  link.send(read_record(key_of(id), preface), replies, [this, id, &link, sent_at](std::vector<Reply>* got) {
    if (got == nullptr) return flights_.lost(id);
    landed(id, link, to_reading(*got, sent_at));
    plan();
  });
}

void Catalog::send_all() {
  flights_.for_each_to_send([this](const SandboxId& id) { send(id); });
}

void Catalog::landed(const SandboxId& id, Link& link, const Reading& reading) {
  // A replica may not have been told yet: that it has no record proves nothing.
  const bool is_unsure = link.role() == LinkRole::replica && reading.kind == Reading::Kind::absent;
  if (is_unsure || reading.kind == Reading::Kind::failed) {
    flights_.lost(id);
    return retry_elsewhere(id, reading.text);
  }
  const bool is_sound = reading.kind != Reading::Kind::torn || flights_.has_been_read_often(id);
  const Landed landed = flights_.landed(id, is_sound);
  if (landed.landing != Landing::again) {
    const bool is_kept = landed.landing == Landing::keep;
    const routing::Lookup answer = apply(id, reading, is_kept ? link.trust() : doubted_);
    for (Question* question : landed.answered) question->answer(answer);
    if (!is_kept && registry_.is_live(id)) refresh(id);
  }
  if (landed.must_send) send(id);
  refresh_more();
}

/// Known to the cluster by another name, or not to be had for a moment.
void Catalog::retry_elsewhere(const SandboxId& id, const std::string& error) {
  if (Link* link = nodes_->redirected(error)) return send_to(*link, id, nodes_->preface(error));
  retry_at_ = std::min(retry_at_, loop_.now() + kRetryPause);
}

routing::Lookup Catalog::apply_absent(const SandboxId& id, const routing::TrustPtr& trust) {
  if (trust->standing() == Standing::fresh) {
    registry_.put_absent(id, trust);
    cache_.keep(id, Known::absent, 0, kNever);
    make_room();
  } else {
    registry_.remove(id);
    cache_.drop(id);
  }
  return {LookupResult::not_found, nullptr, nullptr};
}

/// The table takes what was read; what is open under what was there before is told of the difference.
routing::Lookup Catalog::apply(const SandboxId& id, const Reading& reading, const routing::TrustPtr& trust) {
  if (reading.kind == Reading::Kind::absent) return apply_absent(id, trust);
  const bool is_valid = !registry_.put(id, reading.text, {}, trust);
  routing::Lookup answer = registry_.table().find(id);
  answer.result = is_valid ? LookupResult::found : LookupResult::invalid;
  TimePoint until = reading.until;
  if (is_valid && answer.route->expires_at) {
    // The record's own end, whatever its key's (contract 7).
    const auto left = *answer.route->expires_at - std::chrono::system_clock::now();
    if (left <= left.zero()) return apply_absent(id, trust);
    until = std::min(until, loop_.now() + std::chrono::duration_cast<Clock::duration>(left));
  }
  cache_.keep(id, Known::record, reading.text.size(), until);
  make_room();
  return answer;
}

void Catalog::make_room() {
  for (const SandboxId& id : cache_.evict()) {
    registry_.forget(id);
    ++counts_.evictions;
  }
}

// --- changes --------------------------------------------------------------------------------------------------------

void Catalog::key_changed(std::string_view key) {
  ++counts_.invalidations;
  if (const auto id = id_of(key)) changed(*id);
}

void Catalog::changed(const SandboxId& id) {
  flights_.invalidated(id);
  if (cache_.find(id)) doubt(id);
}

/// What is open to the sandbox must learn what became of its record; with nothing open, nobody has to remember it.
void Catalog::doubt(const SandboxId& id) {
  if (registry_.is_live(id)) {
    registry_.table().entrust(id, doubted_);
    refresh(id);
  } else {
    registry_.forget(id);
    cache_.drop(id);
  }
}

void Catalog::all_changed(Link& /*link*/) {
  ++counts_.invalidations;
  flights_.invalidated_all();
  refresh_live();
}

void Catalog::refresh(const SandboxId& id) {
  if (flights_.join(id, nullptr, kNever)) send(id);
}

/// What is open was let in by what is doubtful now.
void Catalog::refresh_live() {
  to_refresh_.clear();
  cache_.for_each_record([this](const SandboxId& id) {
    if (registry_.is_live(id)) to_refresh_.push_back(id);
  });
  refresh_more();
}

void Catalog::refresh_more() {
  while (!to_refresh_.empty() && flights_.size() < kRefreshAtOnce) {
    const SandboxId id = to_refresh_.front();
    to_refresh_.pop_front();
    if (registry_.table().find(id).result == LookupResult::unknown) refresh(id);
  }
}

void Catalog::link_changed(Link& link) {
  if (link.role() == LinkRole::master) report_state(link);
  const bool is_exact = nodes_->is_exact();
  if (is_exact) registry_.mark_loaded();
  counts_.exact_at = is_exact ? kExactNow : nodes_->exact_at().time_since_epoch().count();
  if (link.state() == LinkState::tracked) refresh_live();
  if (link.is_usable()) {
    send_all();
  } else {
    flights_.forget_unasked();
    answer_known();
    send_all();  // Somebody else may have it.
  }
  plan();
}

void Catalog::report_state(const Link& link) {
  const std::string server = "registry: Redis at " + link.place().text() + ": ";
  std::string text = server + "connected, and told of every change";
  Severity severity = Severity::info;
  if (link.state() == LinkState::untracked) {
    if (link.problem().empty()) return;  // On its way.
    text = server + "answers, but does not tell of changes (" + link.problem() + "): every lookup is asked of it";
    severity = Severity::warning;
  } else if (link.state() == LinkState::away) {
    if (link.problem().empty()) return;
    text = server + link.problem() + "; known routes are used for up to " + setting_.stale_for_text;
    severity = Severity::error;
  }
  if (text == reported_) return;
  reported_ = text;
  report(severity, text);
}

// --- time -----------------------------------------------------------------------------------------------------------

/// A key that dies takes its entry with it; what is open to the sandbox waits for Redis to say so.
void Catalog::retire_due() {
  for (const SandboxId& id : cache_.take_due(loop_.now() + DeadlineWheel::kTick)) doubt(id);
}

void Catalog::on_time() {
  retire_due();
  if (retry_at_ <= loop_.now()) {
    retry_at_ = kNever;
    send_all();
  }
  for (Question* question : flights_.take_late(loop_.now())) {
    routing::Lookup known = registry_.find(question->id());
    if (known.result == LookupResult::unknown) known = {LookupResult::unavailable, nullptr, nullptr};
    question->answer(std::move(known));
  }
  plan();
}

void Catalog::plan() {
  TimePoint next = std::min(flights_.next_deadline(), retry_at_);
  const TimePoint due = cache_.next_due();
  if (due != kNever) next = std::min(next, due - DeadlineWheel::kTick);
  loop_.arm(timer_, next);
}

}  // namespace sandgate::proxy::registry::redis

#include <proxy/registry/kubernetes/claims.hpp>

#include <algorithm>

namespace sandgate::proxy::registry::kubernetes {

using routing::RecordError;
using routing::SandboxId;

void Claims::see(std::size_t scope, const ObjectName& name, Sighting sighting) {
  if (!sighting.is_sandbox) return lose(name);
  const std::string object = name.text();
  auto& known = objects_[object];
  const Sighting old = std::exchange(known.sighting, std::move(sighting));
  const std::size_t old_scope = std::exchange(known.scope, scope);
  known.round = rounds_[scope];
  const Sighting& now = known.sighting;
  if (old.token != now.token) let_go_of_secret(object, old);
  if (old.id != now.id) let_go_of_id(object, old, old_scope);
  if (now.token) {
    auto& users = secret_users_[*now.token];
    if (users.empty()) new_secrets_.push_back(*now.token);
    users.insert(object);
  }
  if (!now.id) {
    const bool is_news = !old.problem || old.id || old.problem->text != now.problem->text;
    if (is_news) told_.reject(object, *now.problem);
    return;
  }
  if (old.is_sandbox && !old.id) told_.forget_rejected(object);
  const std::string id(now.id->view());
  claims_[id].by.insert(object);
  settle_in_time(id, scope);
}

void Claims::lose(const ObjectName& name) {
  const std::string object = name.text();
  const auto found = objects_.find(object);
  if (found == objects_.end()) return;
  const Sighting old = std::move(found->second.sighting);
  const std::size_t scope = found->second.scope;
  objects_.erase(found);
  let_go_of_secret(object, old);
  let_go_of_id(object, old, scope);
  if (!old.id) told_.forget_rejected(object);
}

void Claims::end_round(std::size_t scope) {
  std::vector<ObjectName> gone;
  for (const auto& [name, object] : objects_) {
    if (object.scope != scope || object.round == rounds_[scope]) continue;
    const auto slash = name.find('/');
    gone.push_back({name.substr(0, slash), name.substr(slash + 1)});
  }
  for (const ObjectName& name : gone) lose(name);
  open_rounds_.erase(scope);
  listed_.insert(scope);
  settle_what_waits();
}

void Claims::settle_in_time(const std::string& id, std::size_t scope) {
  if (is_complete() && !open_rounds_.contains(scope)) return settle(id);
  unsettled_[scope].insert(id);
}

void Claims::settle_what_waits() {
  if (!is_complete()) return;
  for (auto& [scope, ids] : unsettled_) {
    if (open_rounds_.contains(scope)) continue;
    for (const std::string& id : std::exchange(ids, {})) settle(id);
  }
}

void Claims::let_go_of_secret(const std::string& object, const Sighting& old) {
  if (!old.token) return;
  const auto users = secret_users_.find(*old.token);
  if (users == secret_users_.end() || users->second.erase(object) == 0 || !users->second.empty()) return;
  known_secrets_.erase(users->first);
  secret_users_.erase(users);
}

void Claims::let_go_of_id(const std::string& object, const Sighting& old, std::size_t scope) {
  if (!old.id) return;
  const std::string id(old.id->view());
  const auto claim = claims_.find(id);
  if (claim == claims_.end()) return;
  claim->second.by.erase(object);
  if (!claim->second.by.empty() || claim->second.standing != Standing::nothing) return settle_in_time(id, scope);
  // Nobody was told of it: what comes and goes while a part cannot be listed must not pile up.
  claims_.erase(claim);
  for (auto& [touched_by, ids] : unsettled_) ids.erase(id);
}

/// Who has the id: those that stay, else those that leave. Not more than two, which is too many already.
std::vector<const std::string*> Claims::holders(const Claim& claim) const {
  constexpr std::size_t kTooMany = 2;
  std::vector<const std::string*> staying;
  std::vector<const std::string*> leaving;
  for (const std::string& object : claim.by) {
    auto& one_of = objects_.at(object).sighting.is_leaving ? leaving : staying;
    if (one_of.size() < kTooMany) one_of.push_back(&object);
    if (staying.size() == kTooMany) break;
  }
  return staying.empty() ? leaving : staying;
}

/// What is to be said of the id now.
void Claims::settle(const std::string& id) {
  const auto found = claims_.find(id);
  if (found == claims_.end()) return;  // It was let go of while it waited to be told of, or settled by another scope.
  Claim& claim = found->second;
  const SandboxId parsed = *SandboxId::parse(id);
  const auto held_by = holders(claim);
  if (held_by.size() > 1) return contest(parsed, claim, *held_by[0], *held_by[1]);
  if (held_by.size() == 1) return settle_one(parsed, claim, *held_by[0]);
  withdraw(parsed, claim);
  claims_.erase(found);
}

void Claims::contest(const SandboxId& id, Claim& claim, const std::string& one, const std::string& other) {
  if (claim.standing == Standing::contested) return;
  told_.refuse(id, {"sandbox_id", "is claimed by more than one object, " + one + " and " + other +
                                      " among them: none is routed until one is left"});
  claim.standing = Standing::contested;
  claim.text.clear();
}

void Claims::settle_one(const SandboxId& id, Claim& claim, const std::string& object) {
  const Sighting& sighting = objects_.at(object).sighting;
  if (sighting.problem) {
    RecordError error = *sighting.problem;
    error.text += " (" + object + ")";
    return refuse(id, claim, error);
  }
  if (sighting.record.empty()) return withdraw(id, claim);
  if (!sighting.token) return publish(id, claim, sighting.record, object);
  const auto known = known_secrets_.find(*sighting.token);
  if (known != known_secrets_.end() && !known->second.digest.empty()) {
    return publish(id, claim, with_token(sighting.record, known->second.digest), object);
  }
  const std::string why = known == known_secrets_.end() ? "has not been read yet" : known->second.problem;
  refuse(id, claim,
         {"traffic_access_token_secret",
          "Secret " + sighting.token->name_space + "/" + sighting.token->name + " " + why + " (" + object + ")"});
}

void Claims::publish(const SandboxId& id, Claim& claim, std::string record, const std::string& object) {
  if (claim.standing == Standing::published && claim.text == record) return;
  told_.publish(id, record, object);
  claim.standing = Standing::published;
  claim.text = std::move(record);
}

void Claims::refuse(const SandboxId& id, Claim& claim, const RecordError& error) {
  if (claim.standing == Standing::refused && claim.text == error.text) return;
  told_.refuse(id, error);
  claim.standing = Standing::refused;
  claim.text = error.text;
}

void Claims::withdraw(const SandboxId& id, Claim& claim) {
  if (claim.standing == Standing::nothing) return;
  told_.withdraw(id);
  claim.standing = Standing::nothing;
  claim.text.clear();
}

void Claims::know_secret(const SecretRef& secret, std::string digest, std::string problem) {
  const auto users = secret_users_.find(secret);
  if (users == secret_users_.end()) return;
  known_secrets_[secret] = {std::move(digest), std::move(problem)};
  for (const std::string& object : std::set(users->second)) {
    const auto found = objects_.find(object);
    if (found == objects_.end() || !found->second.sighting.id) continue;
    const std::string id(found->second.sighting.id->view());
    // A list that takes long does not keep a token that was replaced in force.
    is_complete() ? settle(id) : settle_in_time(id, found->second.scope);
  }
}

void Claims::doubt_secret(const SecretRef& secret, std::string why) {
  const auto known = known_secrets_.find(secret);
  if (known == known_secrets_.end() || known->second.digest.empty()) know_secret(secret, {}, std::move(why));
}

std::vector<SecretRef> Claims::secrets() const {
  std::vector<SecretRef> all;
  all.reserve(secret_users_.size());
  for (const auto& [secret, users] : secret_users_) all.push_back(secret);
  return all;
}

std::size_t Claims::ids() const {
  std::size_t count = claims_.size();
  for (const auto& [scope, ids] : unsettled_) {
    count += static_cast<std::size_t>(
        std::ranges::count_if(ids, [this](const std::string& id) { return !claims_.contains(id); }));
  }
  return count;
}

const std::string* Claims::record(std::string_view id) const {
  const auto found = claims_.find(id);
  return found == claims_.end() || found->second.standing != Standing::published ? nullptr : &found->second.text;
}

std::vector<std::pair<std::string, std::string>> Claims::records(std::string_view after, std::size_t limit) const {
  std::vector<std::pair<std::string, std::string>> found;
  for (auto it = claims_.upper_bound(after); it != claims_.end() && found.size() < limit; ++it) {
    if (it->second.standing == Standing::published) found.emplace_back(it->first, it->second.text);
  }
  return found;
}

}  // namespace sandgate::proxy::registry::kubernetes

#include <auth/access_policy.hpp>
#include <proxy/registry/registry.hpp>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <stdexcept>
#include <utility>

namespace sandgate::proxy::registry {

using routing::RouteChange;

std::optional<RecordError> Registry::put(const SandboxId& id, std::string_view json, std::string_view where,
                                         const routing::TrustPtr& trust) {
  auto route = routing::parse_record(id, json);
  if (route.has_value()) {
    apply_route(*route, trust);
    return std::nullopt;
  }
  RecordError error = route.error();
  if (!where.empty()) error.text.append(" (").append(where).append(")");
  refuse(id, error, trust);
  return error;
}

void Registry::refuse(const SandboxId& id, const RecordError& error, const routing::TrustPtr& trust) {
  ++puts_;
  locked_.erase(id);
  announce(id, table_.apply({RouteChange::Kind::put_invalid, id, nullptr, trust}), nullptr);
  remember_invalid(id.view(), error);
}

void Registry::put(const CheckedRecord& record) { apply_route(record.route()); }

void Registry::apply_route(const routing::RoutePtr& route, const routing::TrustPtr& trust) {
  ++puts_;
  const auto applied = table_.apply({RouteChange::Kind::put, route->id, route, trust});
  forget_rejected(route->id.view());
  const bool is_running = route->state == routing::SandboxState::running;
  announce(route->id, applied, is_running ? route : nullptr);
  if (!auth::is_closed_to_all(route->access)) {
    locked_.erase(route->id);
  } else if (locked_.insert(route->id).second && on_locked_record_) {
    on_locked_record_(route->id);
  }
}

void Registry::remove(const SandboxId& id) {
  ++removals_;
  forget(id);
}

void Registry::forget(const SandboxId& id) {
  locked_.erase(id);
  const auto applied = table_.apply({RouteChange::Kind::remove, id, nullptr, nullptr});
  forget_rejected(id.view());
  announce(id, applied, nullptr);
}

void Registry::put_absent(const SandboxId& id, const routing::TrustPtr& trust) {
  locked_.erase(id);
  const auto applied = table_.apply({RouteChange::Kind::put_absent, id, nullptr, trust});
  if (applied.existed) ++removals_;
  forget_rejected(id.view());
  announce(id, applied, nullptr);
}

bool Registry::is_live(const SandboxId& id) const {
  const auto usage = table_.usage_of(id);
  return usage && (usage->active > 0 || usage->connections > 0);
}

void Registry::reject(std::string_view id, const RecordError& error) { remember_invalid(id, error); }

void Registry::remember_invalid(std::string_view id, const RecordError& error) {
  {
    const std::lock_guard lock(mutex_);
    invalid_.insert_or_assign(std::string(id), error);
  }
  if (on_invalid_record_) on_invalid_record_(id, error);
}

void Registry::forget_rejected(std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (const auto it = invalid_.find(id); it != invalid_.end()) invalid_.erase(it);
}

Registry::InvalidRecords Registry::invalid_records(std::string_view after, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  InvalidRecords records;
  for (auto it = invalid_.upper_bound(after); it != invalid_.end() && records.size() < limit; ++it) {
    records.insert(records.end(), *it);
  }
  return records;
}

std::size_t Registry::invalid_count() const {
  const std::lock_guard lock(mutex_);
  return invalid_.size();
}

// The table has changed before `usage` is read. A worker that still found the old route and is not counted yet asks
// again once it is connected (contract 5), so nobody slips between.
void Registry::announce(const SandboxId& id, const routing::Applied& applied, routing::RoutePtr route) {
  if (!(applied.generation_ended || applied.access_changed) || !applied.usage || !on_route_changed_) return;
  if (applied.usage->active <= 0 && applied.usage->connections <= 0) return;
  on_route_changed_({id, std::move(route)});
}

boost::system::result<Removal, Source::Failed> Source::remove_execution(const SandboxId& id,
                                                                        std::string_view execution_id) {
  const auto stored = get(id);
  if (stored.has_error()) return stored.error();
  if (!stored->has_value()) return Removal::absent;
  boost::system::error_code ignored;
  const boost::json::value record = boost::json::parse(**stored, ignored);
  const auto* object = record.if_object();
  const auto* value = object == nullptr ? nullptr : object->if_contains("execution_id");
  if (value == nullptr || !value->is_string() || value->get_string() != execution_id) return Removal::other_execution;
  const Change change{id, std::nullopt};
  const auto existed = write({&change, 1});
  if (existed.has_error()) return existed.error();
  return existed->front() ? Removal::removed : Removal::absent;
}

boost::system::result<std::vector<bool>, Source::Failed> Source::write(std::span<const Change> /*changes*/) {
  return Failed{"this registry source is read-only: change its records where they come from"};
}

void throw_exception_from_error(const Source::Failed& failed, const boost::source_location& /*where*/) {
  throw std::logic_error("unexpected failure of a registry source: " + failed.text);
}

}  // namespace sandgate::proxy::registry

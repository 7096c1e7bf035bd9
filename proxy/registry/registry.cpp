#include <auth/access_policy.hpp>
#include <proxy/registry/registry.hpp>

#include <stdexcept>
#include <utility>

namespace sandgate::proxy::registry {

using routing::RouteChange;

std::optional<RecordError> Registry::put(const SandboxId& id, std::string_view json, std::string_view where) {
  auto route = routing::parse_record(id, json);
  if (route.has_value()) {
    apply_route(*route);
    return std::nullopt;
  }
  RecordError error = route.error();
  if (!where.empty()) error.text.append(" (").append(where).append(")");
  ++updates_.put;
  announce(id, table_.apply({RouteChange::Kind::put_invalid, id, nullptr}), {});
  remember_invalid(id.view(), error);
  return error;
}

void Registry::put(const CheckedRecord& record) { apply_route(record.route()); }

void Registry::apply_route(const routing::RoutePtr& route) {
  ++updates_.put;
  const auto applied = table_.apply({RouteChange::Kind::put, route->id, route});
  forget_rejected(route->id.view());
  const bool is_running = route->state == routing::SandboxState::running;
  announce(route->id, applied, is_running ? route->generation : std::string());
  if (auth::is_closed_to_all(route->access) && on_locked_record_) on_locked_record_(route->id);
}

void Registry::remove(const SandboxId& id) {
  ++updates_.remove;
  const auto applied = table_.apply({RouteChange::Kind::remove, id, nullptr});
  forget_rejected(id.view());
  announce(id, applied, {});
}

void Registry::reject(std::string_view id, const RecordError& error) { remember_invalid(id, error); }

void Registry::remember_invalid(std::string_view id, const RecordError& error) {
  invalid_.insert_or_assign(std::string(id), error);
  if (on_invalid_record_) on_invalid_record_(id, error);
}

void Registry::forget_rejected(std::string_view id) {
  if (const auto it = invalid_.find(id); it != invalid_.end()) invalid_.erase(it);
}

// The table has changed before `usage` is read. A worker that still found the old route and is not counted yet checks
// the generation again once it is connected (contract 5), so nobody slips between.
void Registry::announce(const SandboxId& id, const routing::Applied& applied, std::string generation) {
  if (!applied.generation_ended || !applied.usage || !on_generation_ended_) return;
  if (applied.usage->active <= 0 && applied.usage->connections <= 0) return;
  on_generation_ended_({id, std::move(generation)});
}

boost::system::result<std::vector<bool>, Source::Failed> Source::write(std::span<const Change> /*changes*/) {
  return Failed{"this registry source is read-only: change its records where they come from"};
}

void throw_exception_from_error(const Source::Failed& failed, const boost::source_location& /*where*/) {
  throw std::logic_error("unexpected failure of a registry source: " + failed.text);
}

}  // namespace sandgate::proxy::registry

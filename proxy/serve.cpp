#include <proxy/base/calling.hpp>
#include <proxy/http/refusal.hpp>
#include <proxy/http/rewrite.hpp>
#include <proxy/journal.hpp>
#include <proxy/permission.hpp>
#include <proxy/relay.hpp>
#include <proxy/serve.hpp>
#include <routing/authority.hpp>
#include <routing/reserved_path.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <string>

namespace sandgate::proxy {
namespace {

using config::Config;
using http::RequestHead;
using routing::Route;

/// What a request says about where it wants to go and why it may.
struct Presented {
  routing::RoutingHeaders routing;
  auth::Credentials credentials;
};

Presented read_presented(const http::Fields& fields, std::string_view token_header) {
  Presented result;
  for (const http::Field& field : fields) {
    if (http::equal_ignoring_case(field.name, token_header)) {
      result.credentials.present(field.value);
    } else if (http::equal_ignoring_case(field.name, "e2b-sandbox-id")) {
      result.routing.sandbox_id = field.value;
      ++result.routing.id_count;
    } else if (http::equal_ignoring_case(field.name, "e2b-sandbox-port")) {
      result.routing.sandbox_port = field.value;
      ++result.routing.port_count;
    }
  }
  return result;
}

/// Which sandbox: grammar first, then the domain, then the certificate (contract 1).
Result<void> identify(const Config& config, const Exchange& client, const Presented& presented, Journal& journal) {
  const RequestHead& request = client.request();
  const auto target = routing::find_target(request.authority, presented.routing, config.domains);
  if (target.has_error()) {
    journal.refusal_text = routing::to_text(target.error());
    return Failure::bad_authority;
  }
  journal.target = *target;
  const auto authority = routing::split_authority(request.authority);
  if (!target->certificate_exempt && !client.is_host_covered(authority->host)) return Failure::misdirected;
  return {};
}

/// Routes of the agent that only the control plane may use (contract 2).
Result<void> refuse_reserved(const Config& config, Exchange& client, Journal& journal) {
  const config::ReservedPaths& reserved = config.access.reserved_paths;
  if (journal.target->port != reserved.port) return {};
  const std::optional<std::string> path = routing::find_reserved(client.request().target, reserved.paths);
  if (!path) return {};
  const auto named = std::find(reserved.paths.begin(), reserved.paths.end(), *path);
  journal.path = named != reserved.paths.end() ? std::string_view(*named) : std::string_view{};
  return Failure::agent_route_reserved;
}

void count(const ServeEnvironment& edge, LookupLabel label) {
  edge.metrics.lookups[static_cast<std::size_t>(label)].add();
}

Result<routing::Lookup> judge(const ServeEnvironment& edge, routing::Lookup found) {
  switch (found.result) {
    case routing::LookupResult::invalid:
      count(edge, LookupLabel::invalid);
      return Failure::record_invalid;
    case routing::LookupResult::unavailable:
    case routing::LookupResult::unknown:
      count(edge, LookupLabel::unavailable);
      return Failure::registry_unavailable;
    case routing::LookupResult::not_found:
      count(edge, LookupLabel::not_found);
      return Failure::sandbox_not_found;
    case routing::LookupResult::found:
      break;
  }
  count(edge, LookupLabel::found);
  if (found.is_stale) edge.metrics.stale_lookups.add();
  const bool is_paused = found.route->state == routing::SandboxState::paused;
  if (is_paused || (found.route->expires_at && found.route->is_expired(std::chrono::system_clock::now()))) {
    return Failure::sandbox_not_found;
  }
  return found;
}

registry::Question ask(const ServeEnvironment& edge, const routing::SandboxId& id) {
  return edge.registry.ask(edge.loop, id, edge.loop.now() + edge.config->timeouts.registry_lookup);
}

void count(const ServeEnvironment& edge, const Result<void>& permitted) {
  AccessLabel label = AccessLabel::permit;
  if (permitted.has_error()) {
    label = permitted.error() == Failure::token_missing ? AccessLabel::token_missing : AccessLabel::token_invalid;
  }
  edge.metrics.access[static_cast<std::size_t>(label)].add();
}

/// One of the concurrent exchanges a sandbox may have, held while this lives.
class Slot {
 public:
  Slot(routing::Usage& usage, std::int32_t limit) : usage_(usage) {
    const std::int32_t before = usage_.active.fetch_add(1, std::memory_order_relaxed);
    is_held_ = limit < 0 || before < limit;
    if (is_held_) {
      usage_.exchanges.fetch_add(1, std::memory_order_relaxed);
    } else {
      usage_.active.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  ~Slot() {
    if (is_held_) usage_.active.fetch_sub(1, std::memory_order_relaxed);
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  bool is_held() const { return is_held_; }

 private:
  routing::Usage& usage_;
  bool is_held_ = false;
};

std::int32_t connection_limit(const Config& config, const Route& route) {
  if (route.has_max_connections) return route.max_connections;
  return config.limits.connections_per_sandbox > 0 ? config.limits.connections_per_sandbox : Route::kUnlimited;
}

template <class... Pieces>
std::string_view join(std::pmr::memory_resource* memory, const Pieces&... pieces) {
  const std::array<std::string_view, sizeof...(pieces)> parts{std::string_view(pieces)...};
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  char* const text = static_cast<char*>(memory->allocate(size, 1));
  char* to = text;
  for (const std::string_view part : parts) to = std::copy(part.begin(), part.end(), to);
  return {text, size};
}

http::Scene make_scene(const Config& config, Exchange& client, const Route& route, const Journal& journal) {
  const ClientInfo& info = client.client();
  const auto& exempt = config.access.exempt_ports;
  const bool is_exempt = std::find(exempt.begin(), exempt.end(), journal.target->port) != exempt.end();
  http::Scene scene;
  scene.edge_id = config.edge.id;
  scene.token_header = config.access.token_header;
  scene.client_address = info.address_text;
  scene.listener_port = info.listener_port;
  scene.is_tls = info.is_tls;
  scene.is_trusted_proxy = info.is_trusted_proxy;
  scene.sandbox_port = journal.target->port;
  scene.mask = route.mask && !is_exempt && !route.via_node ? &*route.mask : nullptr;
  scene.via_node = route.via_node;
  scene.request_id = journal.request_id;
  if (route.via_node && journal.target->by_header) {
    const std::string port = std::to_string(journal.target->port);
    scene.node_host = join(client.memory(), port, "-", route.id.view(), ".", config.domains.front());
  }
  return scene;
}

bool is_idempotent(std::string_view method) {  // RFC 9110 9.2.2
  constexpr std::array<std::string_view, 5> kMethods{"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

/// A connection that was reused may have been closed by the sandbox at the same moment; one fresh one is tried, where
/// doing the request twice cannot be seen (contract 5).
bool may_try_again(const Result<void>& relayed, const upstream::Upstream& upstream, const Exchange& client) {
  return relayed.has_error() && relayed.error() == Failure::sandbox_reset && upstream.is_reused() &&
         upstream.is_untouched() && !client.is_body_touched() && !client.is_head_sent() &&
         is_idempotent(client.request().method);
}

/// What the sandbox is spoken to in (contract 5). An upgrade is HTTP/1.1's (RFC 9110 7.8), and so is a node.
routing::UpstreamProtocol choose_protocol(const Route& route, std::uint16_t port, const RequestHead& request) {
  using routing::UpstreamProtocol;
  if (route.via_node || !request.upgrade.empty()) return UpstreamProtocol::http1;
  return http::is_grpc(request.fields) ? UpstreamProtocol::h2c : route.protocol(port);
}

struct Passage {
  const upstream::Destination& destination;
  const Grounds& grounds;
  const RequestHead& request;
  const http::Scene& scene;
  const Config& config;
};

/// The route may have changed while its sandbox was dialled, when nobody could be told that it was open (contract 5).
Task<Result<void>> still_stands(const ServeEnvironment& edge, const Passage& passage) {
  const Route& route = *passage.destination.route;
  routing::Lookup now = edge.registry.find(route.id);
  if (now.result == routing::LookupResult::unknown) now = co_await ask(edge, route.id);
  if (now.result != routing::LookupResult::found) co_return Failure::route_changed;
  // The entry was dropped and made anew: what is told of it later goes by its new usage.
  if (now.usage != passage.destination.usage) co_return Failure::route_changed;
  if (now.route == passage.destination.route) co_return Result<void>{};
  const bool is_same = now.route->generation == route.generation && now.route->address == route.address &&
                       now.route->state == routing::SandboxState::running;
  if (!is_same) co_return Failure::route_changed;
  co_return permit(*now.route, passage.grounds, passage.config.access.exempt_ports);
}

/// Marks an attempt as abandoned when the client is gone.
class Abandonment final {
 public:
  Abandonment(Exchange& client, upstream::Attempt& attempt) : client_(client), abandon_(attempt) {
    client_.on_gone(&abandon_);
  }
  ~Abandonment() { client_.on_gone(nullptr); }
  Abandonment(const Abandonment&) = delete;
  Abandonment& operator=(const Abandonment&) = delete;

 private:
  Exchange& client_;
  CallSoon<&upstream::Attempt::abandon> abandon_;
};

Task<Result<upstream::UpstreamPtr>> open(const ServeEnvironment& edge, Exchange& client, Journal& journal,
                                         const upstream::Destination& destination, upstream::Reuse reuse) {
  upstream::Attempt attempt;
  const Abandonment abandonment(client, attempt);
  auto opened = co_await edge.upstreams.open(destination, reuse, attempt, client.memory());
  journal.connect = attempt.connect;
  co_return opened;
}

/// Connect and relay.
Task<Result<void>> carry(const ServeEnvironment& edge, Exchange& client, Journal& journal, const Passage& passage) {
  const Route& route = *passage.destination.route;
  auto reuse = upstream::Reuse::allowed;
  for (;;) {
    auto opened = co_await open(edge, client, journal, passage.destination, reuse);
    if (opened.has_error()) {
      if (opened.error() == Failure::overloaded) edge.metrics.limit(LimitLabel::open_files).add();
      co_return opened.error();
    }
    upstream::Upstream& upstream = **opened;
    journal.reused = upstream.is_reused();
    if (!upstream.is_reused()) {
      const Result<void> stands = co_await still_stands(edge, passage);
      if (stands.has_error()) co_return stands;
    }
    journal.upstream = join(client.memory(), upstream.endpoint_text());
    const Relay::Parties parties{edge.loop, edge.metrics, client, upstream, route, passage.grounds};
    Relay relay(parties, passage.config.timeouts, journal.traffic);
    edge.live.add(relay);
    const Result<void> relayed = co_await relay.run(passage.request, passage.scene);
    if (!may_try_again(relayed, upstream, client)) co_return relayed;
    reuse = upstream::Reuse::fresh_only;
  }
}

/// From the registry on: everything that depends on the route, which may change until something was sent.
Task<Result<void>> to_sandbox(const ServeEnvironment& edge, const Config& config, Exchange& client, Journal& journal,
                              const Presented& presented) {
  const TimePoint lookup_began = Clock::now();
  routing::Lookup looked_up = edge.registry.find(journal.target->id);
  // Only what the table cannot answer waits for the registry's source.
  if (looked_up.result == routing::LookupResult::unknown) looked_up = co_await ask(edge, journal.target->id);
  const Result<routing::Lookup> found = judge(edge, std::move(looked_up));
  journal.lookup = Clock::now() - lookup_began;
  if (found.has_error()) co_return found.error();
  const Route& route = *found->route;
  const std::uint16_t port = journal.target->port;

  const Grounds grounds{presented.credentials, port};
  const Result<void> access = permit(route, grounds, config.access.exempt_ports);
  if (!route.via_node) count(edge, access);
  if (access.has_error()) co_return access;

  journal.usage = found->usage;
  journal.limit = connection_limit(config, route);
  const Slot slot(*found->usage, static_cast<std::int32_t>(journal.limit));
  if (!slot.is_held()) co_return Failure::too_many_connections;

  const http::Scene scene = make_scene(config, client, route, journal);
  RequestHead request(client.memory());
  const Result<void> rewritten = http::rewrite_request(client.request(), scene, client.memory(), request);
  if (rewritten.has_error()) co_return rewritten;

  const upstream::Destination destination{found->route, port, choose_protocol(route, port, request), found->usage};
  const Passage passage{destination, grounds, request, scene, config};
  co_return co_await carry(edge, client, journal, passage);
}

Task<Result<void>> redirect_to_https(Exchange& client, Journal& journal) {
  const RequestHead& request = client.request();
  const auto authority = routing::split_authority(request.authority);
  http::ResponseHead head(client.memory());
  head.status = 308;
  head.fields.add("Location", join(client.memory(), "https://", authority->host, request.target));
  head.fields.add("x-request-id", journal.request_id);
  journal.traffic.status = head.status;
  co_return co_await client.send_head(head, Flush::now);
}

/// The stages, in the order of the contract.
Task<Result<void>> forward(const ServeEnvironment& edge, const Config& config, Exchange& client, Journal& journal) {
  constexpr int kRouteChanges = 3;  // How often a route may change under a request before anything was sent.
  if (client.parse_failure()) co_return *client.parse_failure();
  if (edge.drain == DrainPhase::over) co_return Failure::draining;
  const Presented presented = read_presented(client.request().fields, config.access.token_header);
  const Result<void> identified = identify(config, client, presented, journal);
  if (identified.has_error()) co_return identified;
  if (client.client().redirect_to_https) co_return co_await redirect_to_https(client, journal);
  const Result<void> reserved = refuse_reserved(config, client, journal);
  if (reserved.has_error()) co_return reserved;
  for (int change = 1;; ++change) {
    const Result<void> done = co_await to_sandbox(edge, config, client, journal, presented);
    const bool must_look_again = done.has_error() && done.error() == Failure::route_changed && journal.upstream.empty();
    if (!must_look_again || change == kRouteChanges) co_return done;
  }
}

/// The edge's own answer.
Task<void> refuse(const Config& config, Exchange& client, Journal& journal, Failure failure) {
  http::RefusalScene scene;
  scene.request = &client.request();
  if (journal.target) {
    scene.sandbox_id = journal.target->id.view();
    scene.port = journal.target->port;
  }
  scene.limit = failure == Failure::client_limit ? config.limits.connections_per_client : journal.limit;
  scene.path = journal.path;
  scene.text = journal.refusal_text;
  scene.request_id = journal.request_id;
  scene.token_header = config.access.token_header;
  http::Refusal refusal(client.memory());
  http::refuse(failure, scene, client.memory(), refusal);
  journal.traffic.status = refusal.head.status;
  if (row(failure).closes) client.close_after();
  const Flush flush = refusal.body.empty() ? Flush::now : Flush::with_next;
  const Result<void> sent = co_await client.send_head(refusal.head, flush);
  if (sent.has_error() || refusal.body.empty()) co_return;
  const Part body{refusal.body, nullptr, true};
  static_cast<void>(co_await client.response().write(body));  // The exchange is over whether it arrived or not.
}

/// The exchange itself.
Task<void> serve_from(const ServeEnvironment& edge, Exchange& client) {
  const std::shared_ptr<const Config> config = edge.config;
  Journal journal({edge.loop, edge.metrics, edge.log}, client);
  journal.request_id = http::choose_request_id(client.request(), {edge.random(), edge.random()}, client.memory());
  const Result<void> done = co_await guarded(forward(edge, *config, client, journal));
  if (done.has_error()) {
    count_limit(edge.metrics, done.error());
    const bool can_answer = !client.is_head_sent() && row(done.error()).body != RefusalBody::none;
    if (can_answer) {
      co_await refuse(*config, client, journal, done.error());
    } else {
      client.abort(done.error());
    }
  }
  journal.finish(done.has_error() ? std::optional(done.error()) : std::nullopt);
}

}  // namespace

Task<void> serve(const ServeEnvironment& edge, Exchange& client) {
  try {
    return serve_from(edge, client);
  } catch (const std::bad_alloc&) {  // Not even for its coroutine: it is in the log all the same.
    turn_away(edge, client);
    throw;
  }
}

void turn_away(const ServeEnvironment& edge, Exchange& client) {
  const Journal unfinished({edge.loop, edge.metrics, edge.log}, client);
}

}  // namespace sandgate::proxy

#include <proxy/net/listener.hpp>
#include <proxy/net/socket_address.hpp>
#include <tests/faults/edge.hpp>
#include <tests/faults/faults.hpp>

namespace sandgate::tests {

using namespace sandgate::proxy;

Edge::Edge(Foundation& foundation)
    : foundation_(foundation),
      pool_({loop_,
             buffers_,
             metrics_,
             foundation.registry.table(),
             foundation.settings.config,
             foundation.settings.dial_policy,
             {}}),
      environment_{loop_,  metrics_, foundation.log.get(),       foundation.registry,
                   pool_,  live_,    foundation.settings.config, drain_,
                   random_},
      host_{loop_, buffers_, metrics_, *this, foundation.settings.config, drain_} {
  const config::Listener& listener = foundation.settings.config->listeners.front();
  UniqueFd socket = net::open_listening_socket(listener.address, false);
  port_ = net::SocketAddress::of_socket(socket.number())->port();
  client_port_ = std::make_unique<ClientPort>(
      host_, gate_, ClientPort::Setting{listener, foundation.settings.tls.front()}, std::move(socket));
}

Task<void> Edge::handle(Exchange& exchange) {
  ++begun_;
  return serve(environment_, exchange);
}

void Edge::turn_away(Exchange& exchange) {
  ++begun_;
  proxy::turn_away(environment_, exchange);
}

void Edge::run_round(bool may_wait) {
  const Faults::Armed armed;
  loop_.run_once(std::chrono::milliseconds(may_wait ? -1 : 0));
}

std::vector<std::string> Edge::outcomes() const {
  std::vector<std::string> all;
  for (std::size_t outcome = 0; outcome < Metrics::kOutcomes; ++outcome) {
    const std::string name(outcome == 0 ? "ok" : label(static_cast<Failure>(outcome - 1)));
    for (const Counter& counter : metrics_.exchanges[outcome]) all.insert(all.end(), counter.value(), name);
  }
  return all;
}

std::vector<std::string> Edge::leftovers() const {
  std::vector<std::string> wrong;
  const auto expect_none = [&](const std::string& what, std::int64_t value) {
    if (value != 0) wrong.push_back(what + " is " + std::to_string(value));
  };
  const auto count = [](const Counter& counter) { return static_cast<std::int64_t>(counter.value()); };
  expect_none("active_exchanges", count(metrics_.active_exchanges));
  expect_none("active_tunnels", count(metrics_.active_tunnels));
  for (const Counter& gauge : metrics_.client_connections) expect_none("a gauge of client connections", count(gauge));
  const auto upstream = [&](UpstreamState state) { return static_cast<std::int64_t>(upstream_count(state)); };
  expect_none("connecting", upstream(UpstreamState::connecting));
  expect_none("active upstream connections", upstream(UpstreamState::active));
  expect_none("idle upstream connections", upstream(UpstreamState::idle));
  expect_none("places at the gate", gate_.count());
  expect_none("leased bytes", static_cast<std::int64_t>(buffers_.leased_bytes()));
  for (const char* id : {"open", "locked"}) {
    const routing::Lookup found = foundation_.registry.find(*routing::SandboxId::parse(id));
    expect_none("active exchanges of a sandbox", found.usage->active.load());
    expect_none("connections of a sandbox", found.usage->connections.load());
  }
  return wrong;
}

}  // namespace sandgate::tests

#include <auth/authorize.hpp>
#include <proxy/base/failure.hpp>
#include <proxy/explain_route.hpp>
#include <proxy/printable.hpp>
#include <routing/authority.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sandgate::proxy {
namespace {

namespace json = boost::json;
using routing::Route;

class Explanation {
 public:
  void pass(std::string_view step, std::string detail) { add(step, true, std::move(detail)); }
  /// The first failure is the outcome; later steps are still told, since mending one is no use if the next fails.
  void fail(std::string_view step, Failure failure, std::string detail) {
    if (outcome_.empty()) outcome_ = label(failure);
    add(step, false, std::move(detail));
  }
  void upstream(std::string address) { upstream_ = std::move(address); }

  std::string to_json(std::string_view authority) && {
    json::object page;
    page["authority"] = printable(authority);
    page["steps"] = std::move(steps_);
    page["outcome"] = outcome_.empty() ? std::string_view("forward") : outcome_;
    page["upstream"] = nullptr;
    if (outcome_.empty()) page["upstream"] = upstream_;
    return json::serialize(page);
  }

 private:
  void add(std::string_view step, bool ok, std::string detail) {
    steps_.push_back(json::object{{"step", step}, {"ok", ok}, {"detail", std::move(detail)}});
  }

  json::array steps_;
  std::string_view outcome_;
  std::string upstream_;
};

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool contains_port(const std::vector<std::uint16_t>& ports, std::uint16_t port) {
  return std::ranges::find(ports, port) != ports.end();
}

std::string rejection(std::string_view authority, routing::AuthorityError error) {
  std::string text = std::string(routing::to_text(error)) + ": expected <port>-<sandbox id>.<domain>";
  const auto split = routing::split_authority(authority);
  if (split.has_error()) return text;
  return text + " with one of `domains`; sandbox.<domain>, localhost and IP addresses are routed only by the headers " +
         "E2b-Sandbox-Id and E2b-Sandbox-Port, which this question does not carry";
}

void explain_reserved(Explanation& out, const config::ReservedPaths& reserved, const routing::Target& target) {
  if (target.port != reserved.port || reserved.paths.empty()) {
    return out.pass("reserved", "no path is reserved on port " + std::to_string(target.port));
  }
  std::string paths;
  for (const auto& path : reserved.paths) paths += " " + path;
  out.pass("reserved", "depends on the path, which is not given; refused as " +
                           std::string(label(Failure::agent_route_reserved)) + ":" + paths);
}

/// The route, or null when there is nothing further to say.
routing::Lookup explain_registry(Explanation& out, const routing::RouteTable& table, const routing::SandboxId& id) {
  auto lookup = table.find(id);
  switch (lookup.result) {
    case routing::LookupResult::found:
      out.pass("registry", "the registry has a valid record of " + quoted(id.view()));
      break;
    case routing::LookupResult::not_found:
      out.fail("registry", Failure::sandbox_not_found, "the registry has no record of " + quoted(id.view()));
      break;
    case routing::LookupResult::invalid:
      out.fail("registry", Failure::record_invalid,
               "the record of " + quoted(id.view()) + " does not parse; /v1/invalid_records says why");
      break;
    case routing::LookupResult::unavailable:
    case routing::LookupResult::unknown:
      out.fail("registry", Failure::registry_unavailable, "the registry could not be asked");
      break;
  }
  return lookup;
}

void explain_state(Explanation& out, const Route& route, std::chrono::system_clock::time_point now) {
  if (route.is_expired(now)) {
    return out.fail("state", Failure::sandbox_not_found, "its expires_at has passed");
  }
  if (route.state == routing::SandboxState::paused) {
    return out.fail("state", Failure::sandbox_not_found, "it is paused");
  }
  out.pass("state", "it is running");
}

void explain_access(Explanation& out, const Route& route, std::uint16_t port, const config::Access& access) {
  if (route.via_node) return out.pass("access", "decided by the node");
  const auto verdict = auth::authorize(route.access, auth::Credentials{}, port, access.exempt_ports);
  const std::string port_text = "port " + std::to_string(port);
  if (verdict == auth::Verdict::permit) {
    const bool is_exempt = contains_port(access.exempt_ports, port);
    return out.pass("access", port_text + " is public" + (is_exempt ? " (in access.exempt_ports)" : ""));
  }
  std::string detail = port_text + " is private: ";
  detail += route.access.tokens.empty() ? "the record has no token, so nobody gets in"
                                        : "a request must carry the sandbox's token in header " + access.token_header;
  out.fail("access", Failure::token_missing, std::move(detail));
}

void explain_limits(Explanation& out, const routing::Lookup& lookup, const config::Limits& limits) {
  const Route& route = *lookup.route;
  std::int32_t limit = route.max_connections;
  if (!route.has_max_connections) {
    limit = limits.connections_per_sandbox > 0 ? limits.connections_per_sandbox : Route::kUnlimited;
  }
  const std::string active = std::to_string(lookup.usage ? lookup.usage->active.load() : 0) + " open now, ";
  if (limit < 0) return out.pass("limits", active + "no limit");
  const std::string detail = active + "at most " + std::to_string(limit);
  if (lookup.usage && lookup.usage->active < limit) return out.pass("limits", detail);
  out.fail("limits", Failure::too_many_connections, detail);
}

void explain_mask(Explanation& out, const Route& route, std::uint16_t port, const config::Access& access) {
  if (route.via_node) return out.pass("mask", "the Host is sent unchanged; masks are the node's");
  if (!route.mask) return out.pass("mask", "the Host is sent unchanged");
  if (contains_port(access.exempt_ports, port)) {
    return out.pass("mask", "the Host is sent unchanged (port in access.exempt_ports)");
  }
  std::string host;
  route.mask->append_to(host, port);
  out.pass("mask", "the Host is sent as " + quoted(host));
}

void explain_upstream(Explanation& out, const Route& route, std::uint16_t port, const config::Config& config) {
  const std::string address = route.address.to_string();
  if (!config::is_dialable(route.address, config.upstream.allow)) {
    return out.fail("address", Failure::sandbox_unreachable,
                    address + " is not in upstream.allow, or is loopback, link-local, multicast or unspecified " +
                        "without an entry inside that range");
  }
  out.pass("address", address + " may be dialled");

  config::Endpoint endpoint;
  endpoint.ip = route.address;
  endpoint.port = route.via_node ? Route::kNodePort : port;
  const bool is_h2c = route.protocol(port) == routing::UpstreamProtocol::h2c;
  out.upstream(endpoint.to_string());
  out.pass("upstream", "connect to " + endpoint.to_string() + (route.via_node ? ", the node," : "") + " with " +
                           (is_h2c ? "h2c" : "HTTP/1.1"));
}

}  // namespace

std::string explain_route(std::string_view authority, const config::Config& config, const routing::RouteTable& table,
                          std::chrono::system_clock::time_point now) {
  Explanation out;
  const auto target = routing::find_target(authority, {}, config.domains);
  if (target.has_error()) {
    out.fail("parse", Failure::bad_authority, rejection(authority, target.error()));
    return std::move(out).to_json(authority);
  }
  out.pass("parse", "sandbox " + quoted(target->id.view()) + ", port " + std::to_string(target->port));
  explain_reserved(out, config.access.reserved_paths, *target);

  const auto lookup = explain_registry(out, table, target->id);
  if (!lookup.route) return std::move(out).to_json(authority);
  const Route& route = *lookup.route;
  explain_state(out, route, now);
  explain_access(out, route, target->port, config.access);
  explain_limits(out, lookup, config.limits);
  explain_mask(out, route, target->port, config.access);
  explain_upstream(out, route, target->port, config);
  return std::move(out).to_json(authority);
}

}  // namespace sandgate::proxy

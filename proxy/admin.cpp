#include <auth/access_policy.hpp>
#include <config/load.hpp>
#include <proxy/admin.hpp>
#include <proxy/admin_call.hpp>
#include <proxy/explain_route.hpp>
#include <routing/authority.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace sandgate::proxy {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  return std::ranges::equal(a, lower, [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + ('a' - 'A') : x) == y; });
}

/// RFC 6750 2.1; compared as digests, so that neither content nor length shows in the time it takes.
bool carries_token(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kScheme = "bearer ";
  if (!equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return false;
  const auto sent = auth::digest_token(authorization.substr(kScheme.size()));
  const auto expected = auth::digest_token(token);
  return CRYPTO_memcmp(sent.data(), expected.data(), expected.size()) == 0;
}

bool is_local_name(std::string_view host) {
  const auto split = routing::split_authority(host);
  return split.has_value() && (split->is_ip_literal || equals_ignoring_case(split->host, "localhost"));
}

std::optional<AdminResponse> refuse(const AdminRequest& request, std::string_view token) {
  if (request.has_origin) return error_answer(403, "the admin API does not answer web pages (Origin)");
  if (token.empty()) {
    if (request.host.empty() || is_local_name(request.host)) return std::nullopt;
    return error_answer(403, "without a token the admin API answers only to an IP address or localhost (Host)");
  }
  if (carries_token(request.authorization, token)) return std::nullopt;
  auto response = error_answer(401, "this needs the admin token: Authorization: Bearer <token>");
  response.www_authenticate = "Bearer realm=\"sandgate admin\"";
  return response;
}

/// "v1/sandboxes/*" against decoded segments; `*` is any one segment but the empty.
bool matches(std::string_view pattern, const std::vector<std::string>& segments) {
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto end = pattern.find('/');
    const bool is_last = end == std::string_view::npos;
    const std::string_view part = pattern.substr(0, end);
    if (is_last != (i + 1 == segments.size())) return false;
    if (part == "*" ? segments[i].empty() : part != segments[i]) return false;
    if (!is_last) pattern.remove_prefix(end + 1);
  }
  return true;
}

/// A parameter that is not in `allowed`; null: all are known.
const std::string* unknown_parameter(const AdminTarget& target, const std::vector<std::string_view>& allowed) {
  for (const auto& [name, value] : target.parameters) {
    if (std::ranges::find(allowed, name) == allowed.end()) return &name;
  }
  return nullptr;
}

std::string_view as_read(std::string_view method) { return method == "HEAD" ? "GET" : method; }

}  // namespace

struct Admin::Row {
  std::string_view method;
  std::string_view pattern;
  std::vector<std::string_view> parameters;
  AdminResponse (Admin::*handler)(const AdminCall&) const;
  bool is_health = false;
};

const std::vector<Admin::Row>& Admin::rows() {
  static const std::vector<Row> rows{
      {"GET", "livez", {}, &Admin::livez, true},
      {"GET", "readyz", {}, &Admin::readyz, true},
      {"GET", "metrics", {}, &Admin::metrics, true},
      {"GET", "v1/sandboxes", {"limit", "after"}, &Admin::list_sandboxes},
      {"POST", "v1/sandboxes", {}, &Admin::change_sandboxes},
      {"GET", "v1/sandboxes/*", {}, &Admin::get_sandbox},
      {"PUT", "v1/sandboxes/*", {}, &Admin::put_sandbox},
      {"DELETE", "v1/sandboxes/*", {"execution_id"}, &Admin::delete_sandbox},
      {"GET", "v1/sandboxes/*/stats", {}, &Admin::sandbox_stats},
      {"GET", "v1/invalid_records", {"limit", "after"}, &Admin::list_invalid},
      {"GET", "v1/route", {"authority"}, &Admin::route},
      {"GET", "v1/config", {}, &Admin::show_config},
      {"POST", "v1/drain", {}, &Admin::drain},
  };
  return rows;
}

Admin::Admin(registry::Registry& registry, registry::Source& source, AdminHooks hooks)
    : registry_(registry), source_(source), hooks_(std::move(hooks)) {}

AdminResponse Admin::handle(const AdminRequest& request, std::string_view token) const {
  if (auto refused = refuse(request, token)) return *std::move(refused);
  return dispatch(request, false);
}

AdminResponse Admin::handle_health(const AdminRequest& request) const { return dispatch(request, true); }

AdminResponse Admin::dispatch(const AdminRequest& request, bool is_health_only) const {
  const auto target = parse_admin_target(request.target);
  if (!target) return error_answer(400, "the request target is malformed, or names a parameter twice");

  std::string allow;
  for (const Row& row : rows()) {
    if ((is_health_only && !row.is_health) || !matches(row.pattern, target->segments)) continue;
    if (row.method == as_read(request.method)) {
      const auto* unknown = unknown_parameter(*target, row.parameters);
      // A probe may carry parameters of its own.
      if (unknown != nullptr && !row.is_health) return error_answer(400, "this path has no such parameter", *unknown);
      return (this->*row.handler)({request, *target});
    }
    if (!allow.empty()) allow += ", ";
    allow.append(row.method == "GET" ? "GET, HEAD" : row.method);
  }
  if (allow.empty()) return error_answer(404, "there is nothing at this path");
  auto response = error_answer(405, "this path answers to " + allow);
  response.allow = std::move(allow);
  return response;
}

AdminResponse Admin::livez(const AdminCall& /*call*/) const { return text_answer(200, "ok\n"); }

AdminResponse Admin::readyz(const AdminCall& /*call*/) const {
  const auto reasons = hooks_.not_ready();
  if (reasons.empty()) return text_answer(200, "ok\n");
  std::string body;
  for (const auto& reason : reasons) body += reason + "\n";
  return text_answer(503, std::move(body));
}

AdminResponse Admin::metrics(const AdminCall& /*call*/) const {
  auto response = text_answer(200, hooks_.metrics_page());
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

AdminResponse Admin::route(const AdminCall& call) const {
  const auto* authority = call.parameter("authority");
  if (authority == nullptr) return error_answer(400, "say which: ?authority=8080-abc.sandbox.test", "authority");
  if (const auto target = routing::find_target(*authority, {}, hooks_.config().domains); target.has_value()) {
    source_.know(target->id);
  }
  AdminResponse response;
  response.body = explain_route(*authority, hooks_.config(), registry_.table(), hooks_.now()) + "\n";
  return response;
}

AdminResponse Admin::show_config(const AdminCall& /*call*/) const {
  AdminResponse response;
  response.body = config::dump_json(hooks_.config()) + "\n";
  return response;
}

AdminResponse Admin::drain(const AdminCall& /*call*/) const {
  hooks_.drain();
  return json_answer(202, {{"draining", true}});
}

}  // namespace sandgate::proxy

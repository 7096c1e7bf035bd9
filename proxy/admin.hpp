// admin: the operator's HTTP interface as a pure function: request in, answer out (interface.md, "Admin listener").
//
//   GET    /livez /readyz /metrics
//   GET    /v1/sandboxes?limit=&after=   a page of records, by id
//   POST   /v1/sandboxes                 many changes in one transaction: one fsync for all of them
//   GET    /v1/sandboxes/{id}            PUT, DELETE too; DELETE ?execution_id=X only while the record still has that
//                                        one
//   GET    /v1/sandboxes/{id}/stats      what is live for it
//   GET    /v1/invalid_records           what does not parse, and why; the same paging
//   GET    /v1/route?authority=          what would happen to a request (explain_route)
//   GET    /v1/config
//   POST   /v1/drain
//
// The body of POST /v1/sandboxes is {"sandboxes":[record, ...],"remove":[id, ...]}, either may be absent; each record
// names its `sandbox_id`, so a page that GET gave can be posted elsewhere as it is. Records that do not parse are left
// out and reported, the others are stored: {"put":n,"removed":n,"errors":[{"error","field"}]} with 200 when there are
// no errors, 207 when there are some, 400 when nothing was left to store.
//
// Who listens and how bytes get here is the server's business. All calls on the control thread, where sources may be
// written. Tokens are write-only: no answer ever holds one. A record that does not parse is never shown, since a token
// in it could not be found. Errors are {"error","field"}; what the source cannot do now is 503 with its reason.
#pragma once

#include <config/config.hpp>
#include <proxy/registry/registry.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy {

struct AdminRequest {
  std::string_view method;
  std::string_view target;         ///< Path and query.
  std::string_view authorization;  ///< The Authorization header, or empty.
  std::string_view body;
  /// The Host header, or empty. Without a token it must be an IP address or localhost, so that a web page cannot reach
  /// a loopback listener through a name of its own that it points here (DNS rebinding).
  std::string_view host;
  /// The request has an Origin: it comes from a web page, which has no business here (403).
  bool has_origin = false;
};

struct AdminResponse {
  std::uint16_t status = 200;
  std::string content_type = "application/json";  ///< Empty: no body, no Content-Type.
  std::string body;                               ///< To HEAD too: its length is sent, it is not.
  std::string allow;                              ///< Methods, with 405.
  std::string www_authenticate;                   ///< With 401.
};

/// What admin asks the running edge for.
struct AdminHooks {
  std::function<std::string()> metrics_page;
  std::function<std::vector<std::string>()> not_ready;  ///< Reasons; empty: ready.
  std::function<const config::Config&()> config;
  std::function<void()> drain;
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
};

struct AdminCall;

class Admin {
 public:
  static constexpr std::size_t kMaxBody = std::size_t{1024} * 1024;  ///< A larger body is 413 before it gets here.

  Admin(registry::Registry& registry, registry::Source& source, AdminHooks hooks);

  /// `token` empty: no bearer is asked.
  AdminResponse handle(const AdminRequest& request, std::string_view token) const;
  /// The health listener's three paths only, GET and HEAD only, no token.
  AdminResponse handle_health(const AdminRequest& request) const;

 private:
  struct Row;
  static const std::vector<Row>& rows();
  AdminResponse dispatch(const AdminRequest& request, bool is_health_only) const;

  AdminResponse livez(const AdminCall& call) const;
  AdminResponse readyz(const AdminCall& call) const;
  AdminResponse metrics(const AdminCall& call) const;
  AdminResponse route(const AdminCall& call) const;
  AdminResponse show_config(const AdminCall& call) const;
  AdminResponse drain(const AdminCall& call) const;

  AdminResponse list_sandboxes(const AdminCall& call) const;
  AdminResponse change_sandboxes(const AdminCall& call) const;
  AdminResponse get_sandbox(const AdminCall& call) const;
  AdminResponse put_sandbox(const AdminCall& call) const;
  AdminResponse delete_sandbox(const AdminCall& call) const;
  AdminResponse sandbox_stats(const AdminCall& call) const;
  AdminResponse list_invalid(const AdminCall& call) const;

  registry::Registry& registry_;
  registry::Source& source_;
  AdminHooks hooks_;
};

}  // namespace sandgate::proxy

// admin: the operator's HTTP interface as a pure function: request in, answer out (interface.md, "Admin listener").
//
// Who listens and how bytes get here is the server's business. All calls on the control thread, where sources may be
// written. Tokens are write-only: no answer ever holds one.
#pragma once

#include <config/config.hpp>
#include <proxy/registry/registry.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy {

struct AdminRequest {
  std::string_view method;
  std::string_view target;         ///< Path and query.
  std::string_view authorization;  ///< The Authorization header, or empty.
  std::string_view body;
};

struct AdminResponse {
  std::uint16_t status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;  ///< Methods, with 405.
};

/// What admin asks the running edge for.
struct AdminHooks {
  std::function<std::string()> metrics_page;
  std::function<std::vector<std::string>()> not_ready;  ///< Reasons; empty: ready.
  std::function<const config::Config&()> config;
  std::function<void()> drain;
};

class Admin {
 public:
  static constexpr std::size_t kMaxBody = 1024 * 1024;  ///< A larger body is 413 before it gets here.

  Admin(registry::Registry& registry, registry::Source& source, AdminHooks hooks);

  /// `token` empty: no bearer is asked.
  AdminResponse handle(const AdminRequest& request, std::string_view token);
  /// The health listener's three paths only, GET and HEAD only, no token.
  AdminResponse handle_health(const AdminRequest& request);

 private:
  registry::Registry& registry_;
  registry::Source& source_;
  AdminHooks hooks_;
};

/// What `sandgate route` and /v1/route print: what would happen to a request for `authority`, step by step, and why.
/// JSON: {"authority","steps":[{"step","ok","detail"}],"outcome","upstream"}.
std::string explain_route(std::string_view authority, const config::Config& config, const routing::RouteTable& table,
                          std::chrono::system_clock::time_point now);

}  // namespace sandgate::proxy

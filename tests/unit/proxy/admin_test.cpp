#include <proxy/admin.hpp>
#include <tests/unit/proxy/admin_fixture.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

namespace sandgate::proxy {
namespace {

TEST_CASE("admin: livez is ok while control answers", "[admin]") {
  StoreFixture f;
  const auto response = f.ask("GET", "/livez");
  CHECK(response.status == 200);
  CHECK(response.body == "ok\n");
  CHECK_THAT(response.content_type, Catch::StartsWith("text/plain"));
}

TEST_CASE("admin: readyz is ok, or 503 with a reason a line", "[admin]") {
  StoreFixture f;
  CHECK(f.ask("GET", "/readyz").body == "ok\n");
  f.not_ready = {"the registry is not loaded", "draining"};
  const auto response = f.ask("GET", "/readyz");
  CHECK(response.status == 503);
  CHECK(response.body == "the registry is not loaded\ndraining\n");
}

TEST_CASE("admin: metrics are Prometheus text", "[admin]") {
  StoreFixture f;
  const auto response = f.ask("GET", "/metrics");
  CHECK(response.body == "metric 1\n");
  CHECK(response.content_type == "text/plain; version=0.0.4; charset=utf-8");
}

TEST_CASE("admin: a route is explained for a percent-encoded authority", "[admin]") {
  StoreFixture f;
  f.ask("PUT", "/v1/sandboxes/demo", R"({"address":"10.0.0.1"})");
  const auto response = f.ask("GET", "/v1/route?authority=80-demo.sandbox.test%3A443");
  CHECK(response.status == 200);
  CHECK(object(response).at("authority").as_string() == "80-demo.sandbox.test:443");
  CHECK(object(response).at("outcome").as_string() == "forward");
  CHECK(field(f.ask("GET", "/v1/route")) == "authority");
}

TEST_CASE("admin: expiry is judged by the clock it was given", "[admin]") {
  StoreFixture f;
  f.ask("PUT", "/v1/sandboxes/demo", R"({"address":"10.0.0.1","expires_at":"2026-01-01T00:00:00Z"})");
  AdminHooks hooks;
  hooks.config = [&f]() -> const config::Config& { return f.config; };
  hooks.now = [] { return std::chrono::sys_days(std::chrono::January / 1 / 2025); };
  Admin early(f.registry, f.source, hooks);
  AdminRequest request;
  request.method = "GET";
  request.target = "/v1/route?authority=80-demo.sandbox.test";
  CHECK(object(early.handle(request, "")).at("outcome").as_string() == "forward");
}

TEST_CASE("admin: the configuration is shown as JSON", "[admin]") {
  StoreFixture f;
  const auto response = f.ask("GET", "/v1/config");
  CHECK(response.status == 200);
  CHECK(object(response).at("domains").at(0).as_string() == "sandbox.test");
}

TEST_CASE("admin: draining is begun by POST only", "[admin]") {
  StoreFixture f;
  CHECK(f.ask("GET", "/v1/drain").status == 405);
  CHECK(f.drains == 0);
  CHECK(f.ask("POST", "/v1/drain").status == 202);
  CHECK(f.drains == 1);
}

TEST_CASE("admin: an unknown path is 404", "[admin]") {
  StoreFixture f;
  const auto* const path =
      GENERATE("/", "/v1", "/v1/", "/v1/sandboxes/", "/v1/sandboxes/demo/", "/v1/sandboxes/demo/other", "/livez/x",
               "/LIVEZ", "//livez", "/v2/sandboxes", "/v1/sandboxes//stats", "/*");
  CAPTURE(path);
  const auto response = f.ask("GET", path);
  CHECK(response.status == 404);
  CHECK(response.content_type == "application/json");
  CHECK_FALSE(error(response).empty());
}

TEST_CASE("admin: another method is 405 with those there are", "[admin]") {
  struct Row {
    const char* method;
    const char* path;
    const char* allow;
  };
  const auto row = GENERATE(values<Row>({{"PATCH", "/v1/sandboxes/demo", "GET, HEAD, PUT, DELETE"},
                                         {"DELETE", "/v1/sandboxes", "GET, HEAD, POST"},
                                         {"POST", "/metrics", "GET, HEAD"},
                                         {"HEAD", "/v1/drain", "POST"},
                                         {"get", "/livez", "GET, HEAD"}}));
  StoreFixture f;
  const auto response = f.ask(row.method, row.path);
  CHECK(response.status == 405);
  CHECK(response.allow == row.allow);
}

TEST_CASE("admin: a malformed target is 400", "[admin]") {
  StoreFixture f;
  const auto* const target =
      GENERATE("", "livez", "http://a/livez", "/v1/sandboxes/%", "/v1/sandboxes/%4", "/v1/sandboxes/%4x",
               "/v1/sandboxes/%+1", "/v1/sandboxes?limit=1&limit=2", "/v1/sandboxes?after=%zz");
  CAPTURE(target);
  CHECK(f.ask("GET", target).status == 400);
}

TEST_CASE("admin: a parameter that means nothing is refused, but a probe may carry one", "[admin]") {
  StoreFixture f;
  CHECK(field(f.ask("GET", "/v1/sandboxes?limt=5")) == "limt");
  CHECK(f.ask("GET", "/v1/sandboxes?=5").status == 400);
  CHECK(f.ask("DELETE", "/v1/sandboxes/demo?execution=1").status == 400);
  CHECK(f.ask("GET", "/readyz?verbose").status == 200);
}

TEST_CASE("admin: with a token every path asks for it", "[admin]") {
  struct Row {
    const char* authorization;
    unsigned status;
  };
  const auto row = GENERATE(values<Row>({{"Bearer right", 200},
                                         {"bearer right", 200},
                                         {"", 401},
                                         {"Bearer", 401},
                                         {"Bearer ", 401},
                                         {"Bearer wrong", 401},
                                         {"Bearer righ", 401},
                                         {"Bearer right ", 401},
                                         {"Basic right", 401},
                                         {"right", 401}}));
  CAPTURE(row.authorization);
  StoreFixture f;
  for (const char* path : {"/livez", "/metrics", "/v1/sandboxes", "/v1/config"}) {
    AdminRequest request;
    request.method = "GET";
    request.target = path;
    request.authorization = row.authorization;
    const auto response = f.admin.handle(request, "right");
    CHECK(response.status == row.status);
    CHECK(response.www_authenticate.empty() == (row.status == 200));
  }
}

TEST_CASE("admin: an unauthorised request changes nothing", "[admin]") {
  StoreFixture f;
  AdminRequest request;
  request.method = "POST";
  request.target = "/v1/drain";
  CHECK(f.admin.handle(request, "right").status == 401);
  CHECK(f.drains == 0);
}

TEST_CASE("admin: a request of a web page is refused", "[admin]") {
  StoreFixture f;
  AdminRequest request;
  request.method = "POST";
  request.target = "/v1/drain";
  request.has_origin = true;
  request.authorization = "Bearer right";
  CHECK(f.admin.handle(request, "").status == 403);
  CHECK(f.admin.handle(request, "right").status == 403);
  CHECK(f.drains == 0);
}

TEST_CASE("admin: without a token only an address or localhost is answered", "[admin]") {
  const auto [host, status] = GENERATE(table<const char*, unsigned>({{"", 200},
                                                                     {"127.0.0.1:9090", 200},
                                                                     {"[::1]:9090", 200},
                                                                     {"localhost", 200},
                                                                     {"LOCALHOST:9090", 200},
                                                                     {"evil.test:9090", 403},
                                                                     {"localhost.evil.test", 403},
                                                                     {"127.0.0.1.evil.test", 403},
                                                                     {"a b", 403}}));
  CAPTURE(host);
  StoreFixture f;
  AdminRequest request;
  request.method = "GET";
  request.target = "/v1/config";
  request.host = host;
  CHECK(f.admin.handle(request, "").status == status);
}

TEST_CASE("admin: with a token any name is answered", "[admin]") {
  StoreFixture f;
  AdminRequest request;
  request.method = "GET";
  request.target = "/v1/config";
  request.host = "sandgate-admin.platform.svc:9090";
  request.authorization = "Bearer right";
  CHECK(f.admin.handle(request, "right").status == 200);
}

TEST_CASE("health: its three paths, read only, and nothing else", "[admin]") {
  struct Row {
    const char* method;
    const char* path;
    unsigned status;
  };
  const auto row = GENERATE(values<Row>({{"GET", "/livez", 200},
                                         {"HEAD", "/readyz", 200},
                                         {"GET", "/metrics", 200},
                                         {"POST", "/livez", 405},
                                         {"GET", "/v1/config", 404},
                                         {"GET", "/v1/sandboxes", 404},
                                         {"POST", "/v1/drain", 404},
                                         {"PUT", "/v1/sandboxes/demo", 404}}));
  CAPTURE(row.method, row.path);
  StoreFixture f;
  AdminRequest request;
  request.method = row.method;
  request.target = row.path;
  request.body = kRecord;
  CHECK(f.admin.handle_health(request).status == row.status);
  CHECK(f.drains == 0);
  CHECK(f.registry.table().size() == 0);
}

}  // namespace
}  // namespace sandgate::proxy

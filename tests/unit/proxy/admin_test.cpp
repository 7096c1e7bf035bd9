#include <proxy/admin.hpp>
#include <proxy/registry/file.hpp>
#include <proxy/registry/store.hpp>
#include <tests/unit/proxy/registry/temporary_directory.hpp>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace sandgate::proxy {
namespace {

namespace json = boost::json;
using registry::SandboxId;

constexpr const char* kRecord =
    R"({"address":"10.0.0.1","execution_id":"e1","traffic_access_token":"hunter2","team":"x"})";
constexpr const char* kDigest = "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7";

json::object object(const AdminResponse& response) { return json::parse(response.body).as_object(); }
std::string error(const AdminResponse& response) { return json::value_to<std::string>(object(response).at("error")); }
std::string field(const AdminResponse& response) { return json::value_to<std::string>(object(response).at("field")); }

/// An admin interface with a source of the given kind.
template <class AnySource>
struct Fixture {
  registry::TemporaryDirectory directory;
  std::string path = directory.file("sandboxes");
  registry::Registry registry;
  AnySource source{path, registry};
  config::Config config = config::default_config();
  std::vector<std::string> not_ready;
  int drains = 0;
  Admin admin{registry, source,
              AdminHooks{[] { return std::string("metric 1\n"); }, [this] { return not_ready; },
                         [this]() -> const config::Config& { return config; }, [this] { ++drains; }}};

  Fixture() { config.domains = {"sandbox.test"}; }
  AdminResponse ask(std::string_view method, std::string_view target, std::string_view body = "") {
    AdminRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    return admin.handle(request, "");
  }
};

struct StoreFixture : Fixture<registry::StoreSource> {
  StoreFixture() { REQUIRE_FALSE(source.load()); }
};

struct FileFixture : Fixture<registry::FileSource> {
  explicit FileFixture(std::string_view yaml) {
    directory.write("sandboxes", yaml);
    REQUIRE_FALSE(source.load());
  }
};

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

TEST_CASE("admin: a new record is 201, a replaced one 200, and both are shown without the token", "[admin]") {
  StoreFixture f;
  for (const unsigned status : {201U, 200U}) {
    const auto response = f.ask("PUT", "/v1/sandboxes/demo", kRecord);
    CHECK(response.status == status);
    CHECK(response.content_type == "application/json");
    CHECK(object(response).at("sandbox_id").as_string() == "demo");
    CHECK(object(response).at("traffic_access_token_sha256").as_string() == kDigest);
    CHECK(object(response).at("team").as_string() == "x");
    CHECK(response.body.find("hunter2") == std::string::npos);
  }
  CHECK(f.registry.table().find(*SandboxId::parse("demo")).result == routing::LookupResult::found);
}

TEST_CASE("admin: a record is read back without its token", "[admin]") {
  StoreFixture f;
  const auto put = f.ask("PUT", "/v1/sandboxes/demo", kRecord);
  const auto got = f.ask("GET", "/v1/sandboxes/demo");
  CHECK(got.status == 200);
  CHECK(got.body == put.body);
  CHECK(f.ask("HEAD", "/v1/sandboxes/demo").status == 200);
}

TEST_CASE("admin: what was read can be put back", "[admin]") {
  StoreFixture f;
  f.ask("PUT", "/v1/sandboxes/demo", kRecord);
  const auto got = f.ask("GET", "/v1/sandboxes/demo");
  CHECK(f.ask("PUT", "/v1/sandboxes/demo", got.body).status == 200);
  CHECK(f.ask("GET", "/v1/sandboxes/demo").body == got.body);
}

TEST_CASE("admin: ids are lower-cased, and percent-decoded first", "[admin]") {
  StoreFixture f;
  CHECK(f.ask("PUT", "/v1/sandboxes/DeM%6F", R"({"address":"10.0.0.1"})").status == 201);
  CHECK(f.ask("GET", "/v1/sandboxes/demo").status == 200);
}

TEST_CASE("admin: what is no id is 400 in every method", "[admin]") {
  StoreFixture f;
  const auto* const id =
      GENERATE("a-b", "a%2Fb", "a.b", "%00", "0123456789012345678901234567890123456789012345678901234567890123");
  for (const char* method : {"GET", "PUT", "DELETE"}) {
    const auto response = f.ask(method, std::string("/v1/sandboxes/") + id, kRecord);
    CAPTURE(id, method);
    CHECK(response.status == 400);
    CHECK(field(response) == "sandbox_id");
  }
}

TEST_CASE("admin: a record that does not parse is refused with its field and not stored", "[admin]") {
  struct Row {
    const char* body;
    const char* field;
  };
  const auto row = GENERATE(values<Row>({{R"({"address":"nowhere"})", "address"},
                                         {R"({"address":"10.0.0.1","max_connections":"many"})", "max_connections"},
                                         {R"({"address":"10.0.0.1","sandbox_id":"other"})", "sandbox_id"},
                                         {"{", ""},
                                         {"", ""}}));
  CAPTURE(row.body);
  StoreFixture f;
  f.ask("PUT", "/v1/sandboxes/demo", kRecord);
  const auto response = f.ask("PUT", "/v1/sandboxes/demo", row.body);
  CHECK(response.status == 400);
  CHECK_FALSE(error(response).empty());
  if (*row.field != '\0') CHECK(field(response) == row.field);
  CHECK(object(f.ask("GET", "/v1/sandboxes/demo")).at("execution_id").as_string() == "e1");
  CHECK(f.registry.invalid_records().empty());
}

TEST_CASE("admin: an absent sandbox is 404", "[admin]") {
  StoreFixture f;
  CHECK(f.ask("GET", "/v1/sandboxes/demo").status == 404);
  CHECK(f.ask("DELETE", "/v1/sandboxes/demo").status == 404);
  CHECK(f.ask("DELETE", "/v1/sandboxes/demo?execution_id=e1").status == 404);
  CHECK(f.ask("GET", "/v1/sandboxes/demo/stats").status == 404);
}

TEST_CASE("admin: a deleted sandbox is gone", "[admin]") {
  StoreFixture f;
  f.ask("PUT", "/v1/sandboxes/demo", kRecord);
  const auto response = f.ask("DELETE", "/v1/sandboxes/demo");
  CHECK(response.status == 204);
  CHECK(response.body.empty());
  CHECK(response.content_type.empty());
  CHECK(f.ask("GET", "/v1/sandboxes/demo").status == 404);
}

TEST_CASE("admin: a delete for another execution removes nothing", "[admin]") {
  StoreFixture f;
  f.ask("PUT", "/v1/sandboxes/demo", kRecord);
  f.ask("PUT", "/v1/sandboxes/nameless", R"({"address":"10.0.0.1"})");
  CHECK(f.ask("DELETE", "/v1/sandboxes/demo?execution_id=e0").status == 409);
  CHECK(f.ask("DELETE", "/v1/sandboxes/nameless?execution_id=10.0.0.1").status == 409);
  CHECK(f.ask("GET", "/v1/sandboxes/demo").status == 200);
  CHECK(f.ask("DELETE", "/v1/sandboxes/demo?execution_id=e%31").status == 204);
}

TEST_CASE("admin: pages are followed by their `next` to the end", "[admin]") {
  StoreFixture f;
  for (const char* id : {"b", "a", "c"}) f.ask("PUT", std::string("/v1/sandboxes/") + id, kRecord);
  std::string seen;
  std::string after;
  for (int pages = 0; pages < 2; ++pages) {
    const auto response = f.ask("GET", "/v1/sandboxes?limit=2&after=" + after);
    CHECK(response.body.find("hunter2") == std::string::npos);
    const auto page = object(response);
    for (const auto& sandbox : page.at("sandboxes").as_array()) {
      seen += json::value_to<std::string>(sandbox.at("sandbox_id"));
    }
    if (pages == 0) after = json::value_to<std::string>(page.at("next"));
    CHECK(page.at("next").is_null() == (pages == 1));
  }
  CHECK(seen == "abc");
}

TEST_CASE("admin: a page has 100 records unless asked otherwise", "[admin]") {
  StoreFixture f;
  json::array records;
  for (int i = 0; i < 101; ++i) records.push_back({{"sandbox_id", "s" + std::to_string(i)}, {"address", "10.0.0.1"}});
  f.ask("POST", "/v1/sandboxes", json::serialize(json::object{{"sandboxes", records}}));
  CHECK(object(f.ask("GET", "/v1/sandboxes")).at("sandboxes").as_array().size() == 100);
  CHECK(object(f.ask("GET", "/v1/sandboxes?limit=1000")).at("sandboxes").as_array().size() == 101);
}

TEST_CASE("admin: a limit that is none is refused", "[admin]") {
  StoreFixture f;
  const auto* const limit = GENERATE("0", "1001", "-1", "ten", "", "5x", "99999999999999999999999");
  for (const char* path : {"/v1/sandboxes", "/v1/invalid_records"}) {
    const auto response = f.ask("GET", std::string(path) + "?limit=" + limit);
    CHECK(response.status == 400);
    CHECK(field(response) == "limit");
  }
}

TEST_CASE("admin: a batch is stored in one go, puts and removals", "[admin]") {
  StoreFixture f;
  f.ask("PUT", "/v1/sandboxes/old", kRecord);
  const auto response = f.ask("POST", "/v1/sandboxes",
                              R"({"sandboxes":[{"sandbox_id":"a","address":"10.0.0.1","traffic_access_token":"hunter2"},
                                               {"sandbox_id":"B","address":"10.0.0.2"}],
                                  "remove":["OLD","absent"]})");
  CHECK(response.status == 200);
  CHECK(response.body == "{\"put\":2,\"removed\":1,\"errors\":[]}\n");
  CHECK(f.ask("GET", "/v1/sandboxes/old").status == 404);
  CHECK(f.ask("GET", "/v1/sandboxes/b").status == 200);
  CHECK(object(f.ask("GET", "/v1/sandboxes/a")).at("traffic_access_token_sha256").as_string() == kDigest);
}

TEST_CASE("admin: a bad record of a batch is reported and does not stop the others", "[admin]") {
  StoreFixture f;
  const auto response = f.ask("POST", "/v1/sandboxes",
                              R"({"sandboxes":[{"sandbox_id":"a","address":"10.0.0.1"},
                                               {"sandbox_id":"b","address":"nowhere"},
                                               {"address":"10.0.0.1"}, 7, {"sandbox_id":"-","address":"10.0.0.1"}],
                                  "remove":["a-b", 1]})");
  CHECK(response.status == 207);
  const auto answer = object(response);
  CHECK(answer.at("put").as_int64() == 1);
  std::vector<std::string> fields;
  for (const auto& item : answer.at("errors").as_array()) {
    fields.push_back(json::value_to<std::string>(item.at("field")));
  }
  CHECK(fields == std::vector<std::string>{"sandboxes[1].address", "sandboxes[2].sandbox_id", "sandboxes[3].sandbox_id",
                                           "sandboxes[4].sandbox_id", "remove[0]", "remove[1]"});
  CHECK(f.ask("GET", "/v1/sandboxes/a").status == 200);
  CHECK(f.ask("GET", "/v1/sandboxes/b").status == 404);
}

TEST_CASE("admin: a batch of nothing but bad records is 400", "[admin]") {
  StoreFixture f;
  CHECK(f.ask("POST", "/v1/sandboxes", R"({"sandboxes":[{"sandbox_id":"a"}]})").status == 400);
}

TEST_CASE("admin: a batch that is no batch is refused", "[admin]") {
  StoreFixture f;
  const auto* const body = GENERATE("", "[]", "{", R"({"sandboxes":{}})", R"({"remove":"a"})", R"({"sandboxen":[]})");
  CHECK(f.ask("POST", "/v1/sandboxes", body).status == 400);
}

TEST_CASE("admin: a page of one edge can be posted to another", "[admin]") {
  StoreFixture from;
  StoreFixture to;
  from.ask("PUT", "/v1/sandboxes/demo", kRecord);
  from.ask("PUT", "/v1/sandboxes/other", kRecord);
  const auto page = from.ask("GET", "/v1/sandboxes");
  CHECK(to.ask("POST", "/v1/sandboxes", page.body).status == 200);
  CHECK(to.ask("GET", "/v1/sandboxes").body == page.body);
}

TEST_CASE("admin: stats tell what is live", "[admin]") {
  StoreFixture f;
  f.ask("PUT", "/v1/sandboxes/demo", kRecord);
  CHECK(object(f.ask("GET", "/v1/sandboxes/demo/stats")).at("last_use_unix_ms").is_null());
  const auto usage = f.registry.table().find(*SandboxId::parse("demo")).usage;
  usage->active = 2;
  usage->connections = 3;
  usage->exchanges = 4;
  usage->bytes_up = 5;
  usage->bytes_down = 6;
  usage->last_use_unix_ms = 7;
  CHECK(f.ask("GET", "/v1/sandboxes/demo/stats").body ==
        "{\"sandbox_id\":\"demo\",\"connections\":3,\"active\":2,\"exchanges\":4,\"bytes_up\":5,\"bytes_down\":6,"
        "\"last_use_unix_ms\":7}\n");
}

TEST_CASE("admin: a read-only source is read, and says why it is not written", "[admin]") {
  FileFixture f("sandboxes:\n  demo: {address: 10.0.0.1, traffic_access_token: hunter2}\n");
  const auto got = f.ask("GET", "/v1/sandboxes/demo");
  CHECK(object(got).at("traffic_access_token_sha256").as_string() == kDigest);
  CHECK(got.body.find("hunter2") == std::string::npos);
  for (const auto& response : {f.ask("PUT", "/v1/sandboxes/demo", kRecord), f.ask("DELETE", "/v1/sandboxes/demo"),
                               f.ask("POST", "/v1/sandboxes", R"({"remove":["demo"]})")}) {
    CHECK(response.status == 405);
    CHECK(response.allow == "GET, HEAD");
    CHECK_THAT(error(response), Catch::Contains("read-only"));
  }
  CHECK(f.ask("GET", "/v1/sandboxes/demo").status == 200);
}

TEST_CASE("admin: an invalid record is named with what is wrong, never shown", "[admin]") {
  FileFixture f("sandboxes:\n  bad: {address: nowhere, traffic_access_token: hunter2}\n  good: {address: 10.0.0.1}\n");
  const auto got = f.ask("GET", "/v1/sandboxes/bad");
  CHECK(got.status == 200);
  CHECK(object(got).at("invalid").at("field").as_string() == "address");
  CHECK(got.body.find("hunter2") == std::string::npos);
  CHECK(f.ask("GET", "/v1/sandboxes").body.find("hunter2") == std::string::npos);
  CHECK_THAT(error(f.ask("GET", "/v1/sandboxes/bad/stats")), Catch::Contains("/v1/invalid_records"));
}

TEST_CASE("admin: invalid records are listed by page", "[admin]") {
  FileFixture f("sandboxes:\n  a-b: {address: 10.0.0.1}\n  bad: {address: nowhere}\n  c: {address: 10.0.0.1}\n");
  const auto first = object(f.ask("GET", "/v1/invalid_records?limit=1"));
  REQUIRE(first.at("invalid_records").as_array().size() == 1);
  CHECK(first.at("invalid_records").at(0).at("sandbox_id").as_string() == "a-b");
  CHECK(first.at("next").as_string() == "a-b");
  const auto second = object(f.ask("GET", "/v1/invalid_records?limit=1&after=a-b"));
  REQUIRE(second.at("invalid_records").as_array().size() == 1);
  CHECK(second.at("invalid_records").at(0).at("sandbox_id").as_string() == "bad");
  CHECK(second.at("invalid_records").at(0).at("field").as_string() == "address");
  CHECK(second.at("next").is_null());
}

TEST_CASE("admin: a source that is not open is 503 with its reason", "[admin]") {
  Fixture<registry::StoreSource> f;
  for (const auto& response :
       {f.ask("GET", "/v1/sandboxes"), f.ask("GET", "/v1/sandboxes/demo"), f.ask("PUT", "/v1/sandboxes/demo", kRecord),
        f.ask("DELETE", "/v1/sandboxes/demo"), f.ask("DELETE", "/v1/sandboxes/demo?execution_id=e1"),
        f.ask("POST", "/v1/sandboxes", R"({"remove":["demo"]})")}) {
    CHECK(response.status == 503);
    CHECK_THAT(error(response), Catch::Contains("not open"));
  }
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

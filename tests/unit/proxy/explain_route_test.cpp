#include <config/config.hpp>
#include <proxy/explain_route.hpp>
#include <routing/route_record.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <string>

namespace sandgate::proxy {
namespace {

namespace json = boost::json;
using routing::RouteChange;
using routing::SandboxId;

const auto kNow = std::chrono::sys_days(std::chrono::November / 23 / 2026);

struct Fixture {
  config::Config config = config::default_config();
  routing::RouteTable table;

  Fixture() { config.domains = {"sandbox.test"}; }
  void put(std::string_view record) {
    const auto id = *SandboxId::parse("abc");
    table.apply({RouteChange::Kind::put, id, *routing::parse_record(id, record)});
  }
  json::object explain(std::string_view authority) {
    return json::parse(explain_route(authority, config, table, kNow)).as_object();
  }
};

/// The step of that name, which must be there.
json::object step(const json::object& page, std::string_view name) {
  for (const auto& item : page.at("steps").as_array()) {
    if (item.as_object().at("step").as_string() == name) return item.as_object();
  }
  FAIL("there is no step " << name);
  return {};
}

std::string detail(const json::object& page, std::string_view name) {
  return std::string(step(page, name).at("detail").as_string());
}

TEST_CASE("explain: a public sandbox is forwarded, step by step", "[explain]") {
  Fixture f;
  f.put(R"({"address":"10.1.2.3"})");
  const auto page = f.explain("3000-ABC-old.sandbox.test:443");
  CHECK(page.at("authority").as_string() == "3000-ABC-old.sandbox.test:443");
  CHECK(page.at("outcome").as_string() == "forward");
  CHECK(page.at("upstream").as_string() == "10.1.2.3:3000");
  std::string names;
  for (const auto& item : page.at("steps").as_array()) {
    names += std::string(item.as_object().at("step").as_string()) + " ";
    CHECK(item.as_object().at("ok").as_bool());
  }
  CHECK(names == "parse reserved registry state access limits mask address upstream ");
  CHECK_THAT(detail(page, "parse"), Catch::Contains("\"abc\", port 3000"));
  CHECK_THAT(detail(page, "upstream"), Catch::Contains("HTTP/1.1"));
}

TEST_CASE("explain: the outcome is the reason the request would be refused with", "[explain]") {
  struct Row {
    const char* authority;
    const char* record;
    const char* step;
    const char* outcome;
  };
  const auto row = GENERATE(values<Row>({
      {"3000-abc.elsewhere.test", "", "parse", "bad_authority"},
      {"03000-abc.sandbox.test", "", "parse", "bad_authority"},
      {"sandbox.sandbox.test", "", "parse", "bad_authority"},
      {"3000-abc.sandbox.test", "", "registry", "sandbox_not_found"},
      {"3000-abc.sandbox.test", R"({"address":"10.0.0.1","state":"paused"})", "state", "sandbox_not_found"},
      {"3000-abc.sandbox.test", R"({"address":"10.0.0.1","expires_at":"2026-11-22T00:00:00Z"})", "state",
       "sandbox_not_found"},
      {"3000-abc.sandbox.test", R"({"address":"10.0.0.1","allow_public_traffic":false,"traffic_access_token":"t"})",
       "access", "token_missing"},
      {"3000-abc.sandbox.test", R"({"address":"10.0.0.1","max_connections":0})", "limits", "too_many_connections"},
      {"3000-abc.sandbox.test", R"({"address":"127.0.0.1"})", "address", "sandbox_unreachable"},
      {"3000-abc.sandbox.test", R"({"address":"8.8.8.8"})", "address", "sandbox_unreachable"},
  }));
  CAPTURE(row.authority, row.record);
  Fixture f;
  if (*row.record != '\0') f.put(row.record);
  const auto page = f.explain(row.authority);
  CHECK(page.at("outcome").as_string() == row.outcome);
  CHECK_FALSE(step(page, row.step).at("ok").as_bool());
  CHECK(page.at("upstream").is_null());
}

TEST_CASE("explain: an invalid record is said to be one", "[explain]") {
  Fixture f;
  f.table.apply({RouteChange::Kind::put_invalid, *SandboxId::parse("abc"), nullptr});
  CHECK(f.explain("3000-abc.sandbox.test").at("outcome").as_string() == "record_invalid");
}

TEST_CASE("explain: the first failure is the outcome, and later ones are told", "[explain]") {
  Fixture f;
  f.put(R"({"address":"8.8.8.8","allow_public_traffic":false})");
  const auto page = f.explain("3000-abc.sandbox.test");
  CHECK(page.at("outcome").as_string() == "token_missing");
  CHECK_THAT(detail(page, "access"), Catch::Contains("nobody gets in"));
  CHECK_FALSE(step(page, "address").at("ok").as_bool());
}

TEST_CASE("explain: an exempt port is public and not masked", "[explain]") {
  Fixture f;
  f.put(
      R"({"address":"10.0.0.1","allow_public_traffic":false,"traffic_access_token":"t","mask_request_host":"x:${PORT}"})");
  const auto page = f.explain("49983-abc.sandbox.test");
  CHECK(page.at("outcome").as_string() == "forward");
  CHECK_THAT(detail(page, "access"), Catch::Contains("exempt_ports"));
  CHECK_THAT(detail(page, "mask"), Catch::Contains("unchanged"));
}

TEST_CASE("explain: the agent's port names its reserved paths", "[explain]") {
  Fixture f;
  f.put(R"({"address":"10.0.0.1"})");
  const auto page = f.explain("49983-abc.sandbox.test");
  CHECK_THAT(detail(page, "reserved"), Catch::Contains("agent_route_reserved: /init /upgrade"));
}

TEST_CASE("explain: a mask is shown filled in, and h2c is said", "[explain]") {
  Fixture f;
  f.put(R"({"address":"fd00::1","mask_request_host":"localhost:${PORT}","ports":{"3000":{"protocol":"h2c"}}})");
  const auto page = f.explain("3000-abc.sandbox.test");
  CHECK_THAT(detail(page, "mask"), Catch::Contains("\"localhost:3000\""));
  CHECK_THAT(detail(page, "upstream"), Catch::Contains("h2c"));
  CHECK(page.at("upstream").as_string() == "[fd00::1]:3000");
}

TEST_CASE("explain: node mode goes to the node, which decides", "[explain]") {
  Fixture f;
  f.put(R"({"orchestrator_ip":"10.9.9.9","allow_public_traffic":false})");
  const auto page = f.explain("3000-abc.sandbox.test");
  CHECK(page.at("outcome").as_string() == "forward");
  CHECK(page.at("upstream").as_string() == "10.9.9.9:5007");
  CHECK_THAT(detail(page, "access"), Catch::Contains("node"));
}

TEST_CASE("explain: a full sandbox says how full it is", "[explain]") {
  Fixture f;
  f.config.limits.connections_per_sandbox = 2;
  f.put(R"({"address":"10.0.0.1"})");
  f.table.find(*SandboxId::parse("abc")).usage->active = 2;
  const auto page = f.explain("3000-abc.sandbox.test");
  CHECK(page.at("outcome").as_string() == "too_many_connections");
  CHECK(detail(page, "limits") == "2 open now, at most 2");
}

TEST_CASE("explain: the record's limit goes before the configuration's", "[explain]") {
  Fixture f;
  f.config.limits.connections_per_sandbox = 2;
  f.put(R"({"address":"10.0.0.1","max_connections":-1})");
  f.table.find(*SandboxId::parse("abc")).usage->active = 7;
  CHECK(detail(f.explain("3000-abc.sandbox.test"), "limits") == "7 open now, no limit");
}

TEST_CASE("explain: bytes that are no text are not echoed", "[explain]") {
  Fixture f;
  CHECK(f.explain("\xff\x1b[2J").at("authority").as_string() == "??[2J");
}

}  // namespace
}  // namespace sandgate::proxy

#include <proxy/admin.hpp>
#include <tests/unit/proxy/admin_fixture.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace sandgate::proxy {
namespace {

namespace json = boost::json;
using registry::SandboxId;

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

}  // namespace
}  // namespace sandgate::proxy

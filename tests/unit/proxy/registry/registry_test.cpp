#include <proxy/registry/registry.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace sandgate::proxy::registry {
namespace {

using routing::LookupResult;

const SandboxId kId = *SandboxId::parse("demo");
constexpr const char* kFirst = R"({"address":"10.0.0.1","execution_id":"e1"})";
constexpr const char* kSecond = R"({"address":"10.0.0.1","execution_id":"e2"})";
constexpr const char* kBroken = R"({"address":"no address"})";

struct Watched {
  Registry registry;
  std::vector<RouteChanged> ended;
  std::vector<std::string> invalid;
  std::vector<std::string> locked;

  Watched() {
    registry.on_route_changed([this](const RouteChanged& event) { ended.push_back(event); });
    registry.on_invalid_record([this](std::string_view id, const RecordError& error) {
      invalid.push_back(std::string(id) + ":" + error.field);
    });
    registry.on_locked_record([this](const SandboxId& id) { locked.emplace_back(id.view()); });
  }
  /// A tunnel that is open, or an idle connection that is kept.
  void make_live(std::atomic<std::int32_t> routing::Usage::*count) const {
    ++((*registry.table().find(kId).usage).*count);
  }
};

TEST_CASE("registry: a record that was put is found", "[registry]") {
  Watched w;
  REQUIRE_FALSE(w.registry.put(kId, kFirst));
  const auto lookup = w.registry.table().find(kId);
  REQUIRE(lookup.result == LookupResult::found);
  CHECK(lookup.route->generation == "e1");
  CHECK(w.registry.updates().put == 1);
  CHECK(w.invalid.empty());
}

TEST_CASE("registry: a new execution ends the old generation of what is live", "[registry]") {
  const auto count = GENERATE(&routing::Usage::active, &routing::Usage::connections);
  Watched w;
  w.registry.put(kId, kFirst);
  w.make_live(count);
  w.registry.put(kId, kSecond);
  REQUIRE(w.ended.size() == 1);
  CHECK(w.ended[0].id == kId);
  CHECK(w.ended[0].route->generation == "e2");
}

TEST_CASE("registry: nobody is told when nothing is live", "[registry]") {
  Watched w;
  w.registry.put(kId, kFirst);
  w.registry.put(kId, kSecond);
  w.registry.remove(kId);
  CHECK(w.ended.empty());
}

TEST_CASE("registry: a change within a generation ends nothing", "[registry]") {
  Watched w;
  w.registry.put(kId, kFirst);
  w.make_live(&routing::Usage::active);
  w.registry.put(kId, R"({"address":"10.0.0.1","execution_id":"e1","max_connections":3})");
  CHECK(w.ended.empty());
  CHECK(w.registry.table().find(kId).route->max_connections == 3);
}

TEST_CASE("registry: a removed sandbox ends everything of it", "[registry]") {
  Watched w;
  w.registry.put(kId, kFirst);
  w.make_live(&routing::Usage::active);
  w.registry.remove(kId);
  REQUIRE(w.ended.size() == 1);
  CHECK_FALSE(w.ended[0].route);
  CHECK(w.registry.table().find(kId).result == LookupResult::not_found);
  CHECK(w.registry.updates().remove == 1);
}

TEST_CASE("registry: a record that does not parse replaces the good one and ends it", "[registry]") {
  Watched w;
  w.registry.put(kId, kFirst);
  w.make_live(&routing::Usage::active);
  const auto error = w.registry.put(kId, kBroken, "sandboxes.yaml:7");
  REQUIRE(error);
  CHECK(error->field == "address");
  CHECK_THAT(error->text, Catch::Contains("(sandboxes.yaml:7)"));
  CHECK(w.registry.table().find(kId).result == LookupResult::invalid);
  CHECK(w.invalid == std::vector<std::string>{"demo:address"});
  CHECK(w.registry.invalid_records().at("demo").field == "address");
  REQUIRE(w.ended.size() == 1);
  CHECK_FALSE(w.ended[0].route);
}

TEST_CASE("registry: an invalid record is remembered until it is mended", "[registry]") {
  Watched w;
  w.registry.put(kId, kBroken);
  w.registry.put(kId, kFirst);
  CHECK(w.registry.invalid_records().empty());
  CHECK(w.registry.table().find(kId).result == LookupResult::found);
}

TEST_CASE("registry: an invalid record is remembered until it is removed", "[registry]") {
  Watched w;
  w.registry.put(kId, kBroken);
  w.registry.remove(kId);
  CHECK(w.registry.invalid_records().empty());
  CHECK(w.registry.table().invalid_count() == 0);
}

TEST_CASE("registry: an invalid record does not stop the others", "[registry]") {
  Watched w;
  w.registry.put(*SandboxId::parse("other"), kBroken);
  w.registry.put(kId, kFirst);
  CHECK(w.registry.table().find(kId).result == LookupResult::found);
  CHECK(w.registry.table().size() == 1);
}

TEST_CASE("registry: a key that is no id is reported, and forgotten when it is gone", "[registry]") {
  Watched w;
  w.registry.reject("no-id", {"sandbox_id", "bad"});
  CHECK(w.invalid == std::vector<std::string>{"no-id:sandbox_id"});
  CHECK(w.registry.invalid_records().contains("no-id"));
  w.registry.forget_rejected("no-id");
  CHECK(w.registry.invalid_records().empty());
}

TEST_CASE("registry: a private record without a token is reported and lets nobody in", "[registry]") {
  const auto* const record = GENERATE(R"({"address":"10.0.0.1","allow_public_traffic":false})",
                                      R"({"address":"10.0.0.1","ports":{"80":{"public":false}}})");
  Watched w;
  w.registry.put(kId, record);
  CHECK(w.locked == std::vector<std::string>{"demo"});
  CHECK(w.registry.table().find(kId).route->access.tokens.empty());
}

TEST_CASE("registry: a private record with a token is not reported", "[registry]") {
  Watched w;
  w.registry.put(kId, R"({"address":"10.0.0.1","allow_public_traffic":false,"traffic_access_token":"t"})");
  CHECK(w.locked.empty());
}

TEST_CASE("registry: it is loaded only when a source says so", "[registry]") {
  Registry registry;
  CHECK_FALSE(registry.is_loaded());
  registry.mark_loaded();
  CHECK(registry.is_loaded());
}

TEST_CASE("checked record: the token is stored as its digest, unknown fields as they are", "[registry]") {
  const auto record =
      CheckedRecord::check(kId, R"({"address":"10.0.0.1","traffic_access_token":"hunter2","team":{"id":7}})");
  REQUIRE(record.has_value());
  CHECK(record->json().find("hunter2") == std::string::npos);
  // SHA-256 of "hunter2"
  CHECK_THAT(record->json(), Catch::Contains("f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7"));
  CHECK_THAT(record->json(), Catch::Contains(R"("team":{"id":7})"));
  REQUIRE(record->route()->access.tokens.size() == 1);
  CHECK(*record->route()->access.tokens.begin() == auth::digest_token("hunter2"));
}

TEST_CASE("checked record: what does not parse is refused with its field", "[registry]") {
  const auto record = CheckedRecord::check(kId, kBroken);
  REQUIRE(record.has_error());
  CHECK(record.error().field == "address");
}

}  // namespace
}  // namespace sandgate::proxy::registry

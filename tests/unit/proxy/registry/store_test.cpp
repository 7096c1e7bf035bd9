#include <proxy/registry/store.hpp>
#include <tests/unit/proxy/registry/temporary_directory.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace sandgate::proxy::registry {
namespace {

using routing::LookupResult;

SandboxId id_of(std::string_view text) { return *SandboxId::parse(text); }

Change put(std::string_view id, std::string_view json = R"({"address":"10.0.0.1"})") {
  return {id_of(id), *CheckedRecord::check(id_of(id), json)};
}
Change removal(std::string_view id) { return {id_of(id), std::nullopt}; }

/// An edge's view of a store file.
struct Edge {
  explicit Edge(const std::string& path) : store(path, registry) {}
  std::vector<bool> write(const std::vector<Change>& changes) { return *store.write(changes); }
  LookupResult lookup(std::string_view id) { return registry.table().find(id_of(id)).result; }

  Registry registry;
  StoreSource store;
};

/// A file of its own, loaded.
struct Fixture {
  TemporaryDirectory directory;
  std::string path = directory.file("sandboxes.db");
  Edge edge{path};
  Fixture() { REQUIRE_FALSE(edge.store.load()); }
};

std::string contents_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_CASE("store: a new file is empty, loaded and its owner's alone", "[store]") {
  Fixture f;
  CHECK(f.edge.registry.is_loaded());
  CHECK(f.edge.registry.table().size() == 0);
  struct stat status {};
  REQUIRE(::stat(f.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("store: what was written is visible at once and after a restart", "[store]") {
  Fixture f;
  CHECK(f.edge.write({put("a"), put("b")}) == std::vector{false, false});
  CHECK(f.edge.lookup("a") == LookupResult::found);

  Edge restarted(f.path);
  REQUIRE_FALSE(restarted.store.load());
  CHECK(restarted.lookup("a") == LookupResult::found);
  CHECK(restarted.lookup("b") == LookupResult::found);
  CHECK(restarted.registry.table().size() == 2);
}

TEST_CASE("store: a write says which ids were there before", "[store]") {
  Fixture f;
  f.edge.write({put("a")});
  CHECK(f.edge.write({put("a"), put("b"), removal("c"), removal("a"), put("a")}) ==
        std::vector{true, false, false, true, false});
}

TEST_CASE("store: of several changes to one id the last counts", "[store]") {
  Fixture f;
  f.edge.write({put("a", R"({"address":"10.0.0.1"})"), put("a", R"({"address":"10.0.0.2"})")});
  CHECK(f.edge.registry.table().find(id_of("a")).route->address.to_string() == "10.0.0.2");
  CHECK_THAT(**f.edge.store.get(id_of("a")), Catch::Contains("10.0.0.2"));
}

TEST_CASE("store: a removed record is gone after a restart too", "[store]") {
  Fixture f;
  f.edge.write({put("a")});
  f.edge.write({removal("a")});
  CHECK(f.edge.lookup("a") == LookupResult::not_found);
  Edge restarted(f.path);
  REQUIRE_FALSE(restarted.store.load());
  CHECK(restarted.lookup("a") == LookupResult::not_found);
}

TEST_CASE("store: no token lies in the file", "[store]") {
  Fixture f;
  f.edge.write({put("a", R"({"address":"10.0.0.1","traffic_access_token":"very-secret-token"})")});
  for (const char* suffix : {"", "-wal"}) {
    CHECK(contents_of(f.path + suffix).find("very-secret-token") == std::string::npos);
  }
  CHECK(contents_of(f.path + "-wal").find("traffic_access_token_sha256") != std::string::npos);
}

TEST_CASE("store: a token still opens the sandbox after a restart", "[store]") {
  Fixture f;
  f.edge.write({put("a", R"({"address":"10.0.0.1","traffic_access_token":"t"})")});
  Edge restarted(f.path);
  REQUIRE_FALSE(restarted.store.load());
  const auto route = restarted.registry.table().find(id_of("a")).route;
  REQUIRE(route->access.tokens.size() == 1);
  CHECK(*route->access.tokens.begin() == auth::digest_token("t"));
}

TEST_CASE("store: unknown fields are kept", "[store]") {
  Fixture f;
  f.edge.write({put("a", R"({"address":"10.0.0.1","labels":["x",1]})")});
  CHECK_THAT(**f.edge.store.get(id_of("a")), Catch::Contains(R"("labels":["x",1])"));
}

TEST_CASE("store: pages come in byte order, each after the last id of the one before", "[store]") {
  Fixture f;
  f.edge.write({put("c"), put("a"), put("b10"), put("b2")});
  const auto first = *f.edge.store.list("", 3);
  REQUIRE(first.size() == 3);
  CHECK(first[0].id == "a");
  CHECK(first[1].id == "b10");
  CHECK(first[2].id == "b2");
  const auto second = *f.edge.store.list(first.back().id, 3);
  REQUIRE(second.size() == 1);
  CHECK(second[0].id == "c");
  CHECK(f.edge.store.list("c", 3)->empty());
}

TEST_CASE("store: an absent record is neither an error nor a record", "[store]") {
  Fixture f;
  const auto stored = f.edge.store.get(id_of("a"));
  REQUIRE(stored.has_value());
  CHECK_FALSE(stored->has_value());
}

TEST_CASE("store: writing before it is open fails and changes nothing", "[store]") {
  TemporaryDirectory directory;
  Edge edge(directory.file("sandboxes.db"));
  const std::vector changes{put("a")};
  const auto written = edge.store.write(changes);
  REQUIRE(written.has_error());
  CHECK_THAT(written.error().text, Catch::Contains("not open"));
  CHECK(edge.lookup("a") == LookupResult::not_found);
}

TEST_CASE("store: a record that is due is taken out of the table and the file", "[store]") {
  using namespace std::chrono_literals;
  Fixture f;
  f.edge.write({put("old", R"({"address":"10.0.0.1","expires_at":"2026-01-01T00:00:00Z"})"),
                put("new", R"({"address":"10.0.0.1","expires_at":"2026-01-01T00:00:02Z"})"), put("ever")});
  const auto due = std::chrono::sys_days(std::chrono::January / 1 / 2026) + 1s;
  REQUIRE_FALSE(f.edge.store.expire(due));
  CHECK(f.edge.lookup("old") == LookupResult::not_found);
  CHECK_FALSE(f.edge.store.get(id_of("old"))->has_value());
  CHECK(f.edge.lookup("new") == LookupResult::found);
  CHECK(f.edge.lookup("ever") == LookupResult::found);
}

TEST_CASE("store: a record whose expiry was put off stays", "[store]") {
  Fixture f;
  f.edge.write({put("a", R"({"address":"10.0.0.1","expires_at":"2026-01-01T00:00:00Z"})")});
  f.edge.write({put("a", R"({"address":"10.0.0.1"})")});
  REQUIRE_FALSE(f.edge.store.expire(std::chrono::sys_days(std::chrono::January / 1 / 2027)));
  CHECK(f.edge.lookup("a") == LookupResult::found);
}

TEST_CASE("store: a bad row takes only its own id out", "[store]") {
  Fixture f;
  f.edge.write({put("good")});
  sqlite::Database(f.path).execute(
      "INSERT INTO sandboxes VALUES ('bad', '{\"address\":7}', NULL, 0), ('No-Id', '{}', NULL, 0), ('UP', '{}', NULL, "
      "0)");
  Edge restarted(f.path);
  REQUIRE_FALSE(restarted.store.load());
  CHECK(restarted.lookup("good") == LookupResult::found);
  CHECK(restarted.lookup("bad") == LookupResult::invalid);
  CHECK(restarted.registry.invalid_records().at("bad").field == "address");
  CHECK(restarted.registry.invalid_records().at("No-Id").field == "sandbox_id");
  CHECK(restarted.registry.invalid_records().at("UP").field == "sandbox_id");
}

TEST_CASE("store: a reload sees what another process changed", "[store]") {
  Fixture f;
  f.edge.write({put("kept"), put("removed")});
  sqlite::Database other(f.path);
  other.execute("INSERT INTO sandboxes VALUES ('added', '{\"address\":\"10.0.0.9\"}', NULL, 0), ('-', '', NULL, 0)");
  other.execute("DELETE FROM sandboxes WHERE id = 'removed'");
  REQUIRE_FALSE(f.edge.store.reload());
  CHECK(f.edge.lookup("added") == LookupResult::found);
  CHECK(f.edge.lookup("kept") == LookupResult::found);
  CHECK(f.edge.lookup("removed") == LookupResult::not_found);
  CHECK(f.edge.registry.invalid_records().contains("-"));

  other.execute("DELETE FROM sandboxes WHERE id = '-'");
  REQUIRE_FALSE(f.edge.store.reload());
  CHECK(f.edge.registry.invalid_records().empty());
}

TEST_CASE("store: a reload without another process's change reads nothing", "[store]") {
  Fixture f;
  f.edge.write({put("a")});
  const auto before = f.edge.registry.updates();
  REQUIRE_FALSE(f.edge.store.reload());
  CHECK(f.edge.registry.updates().put == before.put);
  CHECK(f.edge.registry.updates().reload == before.reload);
}

TEST_CASE("store: a write that another process's lock stops changes nothing", "[store]") {
  Fixture f;
  sqlite::Database other(f.path);
  other.execute("BEGIN IMMEDIATE");
  const std::vector changes{put("a")};
  const auto written = f.edge.store.write(changes);
  REQUIRE(written.has_error());
  CHECK_THAT(written.error().text, Catch::Contains("another process"));
  CHECK(f.edge.lookup("a") == LookupResult::not_found);

  other.execute("ROLLBACK");
  CHECK(f.edge.write(changes) == std::vector{false});
}

TEST_CASE("store: a write that does not fit changes nothing, and the next one is taken", "[store]") {
  Fixture f;
  f.edge.write({put("kept")});
  sqlite::Database(f.path).execute(
      "CREATE TRIGGER full BEFORE INSERT ON sandboxes WHEN NEW.id = 'toomuch' BEGIN SELECT RAISE(ABORT, 'full'); END");
  const std::vector changes{removal("kept"), put("before"), put("toomuch")};
  REQUIRE(f.edge.store.write(changes).has_error());
  CHECK(f.edge.lookup("kept") == LookupResult::found);
  CHECK(f.edge.lookup("before") == LookupResult::not_found);
  CHECK(f.edge.store.get(id_of("kept"))->has_value());
  CHECK_FALSE(f.edge.store.get(id_of("before"))->has_value());
  CHECK(f.edge.write({put("next")}) == std::vector{false});
}

}  // namespace
}  // namespace sandgate::proxy::registry

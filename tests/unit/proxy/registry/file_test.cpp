#include <proxy/registry/file.hpp>
#include <tests/unit/proxy/registry/temporary_directory.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace sandgate::proxy::registry {
namespace {

using routing::LookupResult;

SandboxId id_of(std::string_view text) { return *SandboxId::parse(text); }

constexpr const char* kTwo = R"(sandboxes:
  a: {address: 10.0.0.1, execution_id: e1}
  b: {address: 10.0.0.2, execution_id: e1}
)";

struct Fixture {
  TemporaryDirectory directory;
  std::string path = directory.file("sandboxes.yaml");
  Registry registry;
  FileSource file{path, registry};
  std::vector<std::string> reported;

  explicit Fixture(std::string_view yaml = kTwo) {
    registry.on_invalid_record([this](std::string_view id, const RecordError& error) {
      reported.push_back(std::string(id) + " " + error.field + " " + error.text);
    });
    directory.write("sandboxes.yaml", yaml);
  }
  std::string reload(std::string_view yaml) {
    directory.write("sandboxes.yaml", yaml);
    const auto failed = file.reload();
    return failed ? failed->text : "";
  }
  LookupResult lookup(std::string_view id) { return registry.table().find(id_of(id)).result; }
};

TEST_CASE("file: its records are loaded", "[file]") {
  Fixture f;
  REQUIRE_FALSE(f.file.load());
  CHECK(f.registry.is_loaded());
  CHECK(f.lookup("a") == LookupResult::found);
  CHECK(f.lookup("b") == LookupResult::found);
  CHECK(f.file.watched_paths() == std::vector{f.path});
}

TEST_CASE("file: it cannot be written", "[file]") {
  Fixture f;
  REQUIRE_FALSE(f.file.load());
  CHECK_FALSE(f.file.is_writable());
  const std::vector changes{Change{id_of("a"), std::nullopt}};
  REQUIRE(f.file.write(changes).has_error());
  CHECK(f.lookup("a") == LookupResult::found);
}

TEST_CASE("file: without it nothing is loaded, and later it is", "[file]") {
  Fixture f;
  std::filesystem::remove(f.path);
  const auto failed = f.file.load();
  REQUIRE(failed);
  CHECK_THAT(failed->text, Catch::StartsWith(f.path + ": cannot be read: No such file"));
  CHECK_FALSE(f.registry.is_loaded());
  CHECK(f.reload(kTwo).empty());
  CHECK(f.registry.is_loaded());
}

TEST_CASE("file: a directory in its place is reported", "[file]") {
  TemporaryDirectory directory;
  Registry registry;
  FileSource file(directory.path().string(), registry);
  const auto failed = file.load();
  REQUIRE(failed);
  CHECK_THAT(failed->text, Catch::Contains("cannot be read"));
}

TEST_CASE("file: a bad version is refused and the old one stays", "[file]") {
  const auto [yaml, complaint] = GENERATE(table<const char*, const char*>({
      {"", "is empty"},
      {" \n\n", "is empty"},
      {"sandboxes: {a: [}", "sandboxes.yaml:1"},
      {"sandboxes:\n  a: {address: 10.0.0.9}\n  a: {address: 10.0.0.8}\n", "sandboxes.yaml:3"},
      {"sandboxes:\n  a: {address: 10.0.0.9}\n  A: {address: 10.0.0.8}\n",
       "sandboxes.yaml:3: sandboxes.a: is given twice"},
  }));
  CAPTURE(yaml);
  Fixture f;
  REQUIRE_FALSE(f.file.load());
  CHECK_THAT(f.reload(yaml), Catch::Contains(complaint));
  CHECK(f.registry.table().find(id_of("a")).route->address.to_string() == "10.0.0.1");
  CHECK(f.lookup("b") == LookupResult::found);
  CHECK(f.file.list("", 10)->size() == 2);
}

TEST_CASE("file: a vanished file leaves what was there", "[file]") {
  Fixture f;
  REQUIRE_FALSE(f.file.load());
  std::filesystem::remove(f.path);
  CHECK(f.file.reload());
  CHECK(f.lookup("a") == LookupResult::found);
}

TEST_CASE("file: no sandboxes on purpose removes them all", "[file]") {
  Fixture f;
  REQUIRE_FALSE(f.file.load());
  CHECK(f.reload("sandboxes: {}\n").empty());
  CHECK(f.registry.table().size() == 0);
}

TEST_CASE("file: a reload applies the difference only", "[file]") {
  Fixture f;
  REQUIRE_FALSE(f.file.load());
  const auto before = f.registry.updates();
  CHECK(f.reload("sandboxes:\n"
                 "  b: {address: 10.0.0.2, execution_id: e1}\n"
                 "  c: {address: 10.0.0.3}\n")
            .empty());
  CHECK(f.lookup("a") == LookupResult::not_found);
  CHECK(f.lookup("b") == LookupResult::found);
  CHECK(f.lookup("c") == LookupResult::found);
  CHECK(f.registry.updates().put == before.put + 1);
  CHECK(f.registry.updates().remove == before.remove + 1);
  CHECK(f.registry.updates().reload == before.reload + 1);
}

TEST_CASE("file: a sandbox replaced by a reload ends its generation", "[file]") {
  Fixture f;
  std::vector<std::string> ended;
  f.registry.on_route_changed([&](const RouteChanged& event) { ended.push_back(event.route->generation); });
  REQUIRE_FALSE(f.file.load());
  ++f.registry.table().find(id_of("a")).usage->connections;
  ++f.registry.table().find(id_of("b")).usage->connections;
  CHECK(f.reload("sandboxes:\n"
                 "  a: {address: 10.0.0.1, execution_id: e2}\n"
                 "  b: {address: 10.0.0.2, execution_id: e1, max_connections: 1}\n")
            .empty());
  CHECK(ended == std::vector<std::string>{"e2"});
}

TEST_CASE("file: a bad record takes only its own id out, and says where it stands", "[file]") {
  Fixture f("sandboxes:\n  a: {address: nowhere}\n  b: {address: 10.0.0.2}\n");
  REQUIRE_FALSE(f.file.load());
  CHECK(f.lookup("a") == LookupResult::invalid);
  CHECK(f.lookup("b") == LookupResult::found);
  REQUIRE(f.reported.size() == 1);
  CHECK_THAT(f.reported[0], Catch::StartsWith("a address ") && Catch::Contains("sandboxes.yaml:2)"));
}

TEST_CASE("file: a bad record is reported once, until it changes", "[file]") {
  Fixture f("sandboxes:\n  a: {address: nowhere}\n");
  REQUIRE_FALSE(f.file.load());
  CHECK(f.reload("sandboxes:\n  a: {address: nowhere}\n  b: {address: 10.0.0.2}\n").empty());
  CHECK(f.reported.size() == 1);
  CHECK(f.reload("sandboxes:\n  a: {address: elsewhere}\n").empty());
  CHECK(f.reported.size() == 2);
  CHECK(f.reload("sandboxes:\n  a: {address: 10.0.0.1}\n").empty());
  CHECK(f.registry.invalid_records().empty());
}

TEST_CASE("file: a key that is no id is reported once and forgotten when it is gone", "[file]") {
  constexpr const char* kBadKey = "sandboxes:\n  no-id: {address: 10.0.0.1}\n  b: {address: 10.0.0.2}\n";
  Fixture f(kBadKey);
  REQUIRE_FALSE(f.file.load());
  CHECK(f.lookup("b") == LookupResult::found);
  CHECK(f.registry.invalid_records().contains("no-id"));
  CHECK(f.reload(kBadKey).empty());
  CHECK(f.reported.size() == 1);
  CHECK(f.reload(kTwo).empty());
  CHECK(f.registry.invalid_records().empty());
}

TEST_CASE("file: ids are read without case", "[file]") {
  Fixture f("sandboxes:\n  ABC: {address: 10.0.0.1}\n");
  REQUIRE_FALSE(f.file.load());
  CHECK(f.lookup("abc") == LookupResult::found);
  CHECK(f.file.get(id_of("abc"))->has_value());
}

TEST_CASE("file: pages come in byte order, each after the last id of the one before", "[file]") {
  Fixture f("sandboxes:\n  c: {address: 10.0.0.1}\n  a: {address: 10.0.0.1}\n  b: {address: 10.0.0.1}\n");
  REQUIRE_FALSE(f.file.load());
  const auto first = *f.file.list("", 2);
  REQUIRE(first.size() == 2);
  CHECK(first[0].id == "a");
  CHECK(first[1].id == "b");
  const auto second = *f.file.list("b", 2);
  REQUIRE(second.size() == 1);
  CHECK(second[0].id == "c");
}

TEST_CASE("file: an absent record is neither an error nor a record", "[file]") {
  Fixture f;
  REQUIRE_FALSE(f.file.load());
  CHECK_FALSE(f.file.get(id_of("absent"))->has_value());
}

TEST_CASE("file: records that are due are taken out, in the order they are due", "[file]") {
  using namespace std::chrono_literals;
  Fixture f(
      "sandboxes:\n"
      "  a: {address: 10.0.0.1, expires_at: \"2026-01-01T00:00:10Z\"}\n"
      "  b: {address: 10.0.0.1, expires_at: \"2026-01-01T00:00:05Z\"}\n"
      "  c: {address: 10.0.0.1}\n");
  REQUIRE_FALSE(f.file.load());
  const auto start = std::chrono::sys_days(std::chrono::January / 1 / 2026);
  f.file.expire(start + 4s);
  CHECK(f.registry.table().size() == 3);
  f.file.expire(start + 5s);
  CHECK(f.lookup("b") == LookupResult::not_found);
  CHECK(f.registry.table().size() == 2);
  f.file.expire(start + 1h);
  CHECK(f.lookup("a") == LookupResult::not_found);
  CHECK(f.lookup("c") == LookupResult::found);
}

}  // namespace
}  // namespace sandgate::proxy::registry

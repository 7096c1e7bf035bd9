#include <proxy/registry/store.hpp>
#include <proxy/registry/store_file.hpp>
#include <tests/unit/proxy/registry/temporary_directory.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace sandgate::proxy::registry {
namespace {

/// What `load` says about the file; empty: nothing is wrong.
std::string load_failure(const std::string& path) {
  Registry registry;
  StoreSource store(path, registry);
  const auto failed = store.load();
  CHECK(registry.is_loaded() == !failed.has_value());
  return failed ? failed->text : "";
}

/// Root may write anything: whoever asks about permissions has to be somebody else.
class AsNobody {
 public:
  AsNobody() { is_switched_ = ::geteuid() == 0 && ::seteuid(65534) == 0; }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() {
    if (is_switched_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool is_switched_;
};

TEST_CASE("store file: a missing directory is named, and not made", "[store]") {
  TemporaryDirectory directory;
  const auto text = load_failure(directory.file("absent/sandboxes.db"));
  CHECK_THAT(text, Catch::Contains("the directory " + directory.file("absent") + " does not exist"));
  CHECK_FALSE(std::filesystem::exists(directory.file("absent")));
}

TEST_CASE("store file: a file that is no database is refused and left as it is", "[store]") {
  TemporaryDirectory directory;
  const std::string before(4096, 'x');
  const auto path = directory.write("sandboxes.db", before);
  CHECK_THAT(load_failure(path), Catch::Contains("not a database") && Catch::Contains("move it away"));
  std::ifstream stream(path, std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(stream), {}) == before);
}

TEST_CASE("store file: a directory in its place is refused", "[store]") {
  TemporaryDirectory directory;
  CHECK_THAT(load_failure(directory.path().string()), Catch::Contains("must be able to write the file"));
}

TEST_CASE("store file: another program's database is refused and left as it is", "[store]") {
  TemporaryDirectory directory;
  const auto path = directory.write("sandboxes.db", "");
  sqlite::Database(path).execute("CREATE TABLE photos (id)");
  CHECK_THAT(load_failure(path), Catch::Contains("the database of another program"));
  CHECK(sqlite::Database(path).scalar("SELECT count(*) FROM sqlite_schema") == 1);
}

TEST_CASE("store file: a newer schema is refused with what to do", "[store]") {
  TemporaryDirectory directory;
  const auto path = directory.file("sandboxes.db");
  open_store_file(path).execute("PRAGMA user_version = 2");
  CHECK_THAT(load_failure(path), Catch::Contains("its schema has version 2"));
}

TEST_CASE("store file: a damaged file is refused with what to do", "[store]") {
  TemporaryDirectory directory;
  const auto path = directory.file("sandboxes.db");
  {
    auto database = open_store_file(path);
    database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
        "INSERT INTO sandboxes SELECT 'id' || i, '{\"address\":\"10.0.0.1\"}', NULL, 0 FROM n");
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(std::filesystem::file_size(path) - 4096, '\xff');
  }
  CHECK_THAT(load_failure(path), Catch::Contains("malformed") && Catch::Contains(".recover"));
}

TEST_CASE("store file: without permission to write it says so", "[store]") {
  TemporaryDirectory directory;
  const auto path = directory.file("sandboxes.db");
  open_store_file(path);
  std::filesystem::permissions(path, std::filesystem::perms(0444));
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0555));
  std::string text;
  {
    AsNobody nobody;
    text = load_failure(path);
  }
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0700));
  CHECK_THAT(text, Catch::Contains("must be able to write the file"));
}

TEST_CASE("store file: a load that failed is tried again", "[store]") {
  TemporaryDirectory directory;
  Registry registry;
  StoreSource store(directory.file("late/sandboxes.db"), registry);
  REQUIRE(store.load());
  std::filesystem::create_directory(directory.file("late"));
  CHECK_FALSE(store.load());
  CHECK(registry.is_loaded());
}

TEST_CASE("store file: every commit is synced before it is acknowledged", "[store]") {
  TemporaryDirectory directory;
  auto database = open_store_file(directory.file("sandboxes.db"));
  CHECK(database.scalar_text("PRAGMA journal_mode") == "wal");
  CHECK(database.scalar("PRAGMA synchronous") == 2);  // FULL
}

}  // namespace
}  // namespace sandgate::proxy::registry

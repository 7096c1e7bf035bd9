#include <proxy/registry/store_file.hpp>

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace sandgate::proxy::registry {
namespace {

constexpr std::int64_t kApplicationId = 0x53477431;  // "SGt1": `file` and SQLite's tools show whose it is
constexpr std::int64_t kSchemaVersion = 1;
constexpr int kNotOurs = SQLITE_NOTADB;

// Waits for another process's write lock (an operator's sqlite3 shell), not longer than control may stand still.
constexpr const char* kSettings = R"(
  PRAGMA busy_timeout = 1000;
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = -65536;
  PRAGMA journal_size_limit = 67108864;
)";

constexpr const char* kSchema = R"(
  CREATE TABLE sandboxes (
    id TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL,
    expires_at INTEGER,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX sandboxes_expires_at ON sandboxes (expires_at) WHERE expires_at IS NOT NULL;
)";

void require_directory(const std::string& path) {
  const auto directory = std::filesystem::absolute(path).parent_path();
  std::error_code ignored;
  if (std::filesystem::is_directory(directory, ignored)) return;
  throw sqlite::Error(SQLITE_CANTOPEN, "the directory " + directory.string() +
                                           " does not exist; make it, owned by the " +
                                           "user sandgate runs as, or set registry.store.path");
}

// SQLite takes an empty file for a new database, and gives its -wal and -shm the same mode.
void make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
    return;
  }
  const int code = errno == EACCES || errno == EROFS || errno == EPERM ? SQLITE_READONLY : SQLITE_CANTOPEN;
  throw sqlite::Error(code, std::generic_category().message(errno));
}

void make_schema(sqlite::Database& database) {
  sqlite::Transaction transaction(database);
  database.execute(kSchema);
  database.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
  database.execute("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  transaction.commit();
}

void require_schema(sqlite::Database& database) {
  const std::int64_t owner = database.scalar("PRAGMA application_id");
  const std::int64_t version = database.scalar("PRAGMA user_version");
  if (owner == 0 && version == 0 && database.scalar("SELECT count(*) FROM sqlite_schema") == 0) {
    return make_schema(database);
  }
  if (owner != kApplicationId) throw sqlite::Error(kNotOurs, "it is the database of another program");
  if (version != kSchemaVersion) {
    throw sqlite::Error(SQLITE_MISMATCH, "its schema has version " + std::to_string(version) +
                                             ", this sandgate knows " + std::to_string(kSchemaVersion) +
                                             "; run the release that wrote it");
  }
}

std::string remedy(int code) {
  switch (code) {
    case SQLITE_NOTADB:
      return "move it away, or name another file in registry.store.path";
    case SQLITE_CORRUPT:
      return "stop sandgate, then restore a copy or run sqlite3's .recover into a new file";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      return "sandgate must be able to write the file and its directory (SQLite keeps -wal and -shm beside it)";
    case SQLITE_FULL:
      return "make room on the disk; nothing of this change was kept";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process is writing to it; only one sandgate may own a store";
    default:
      return "see the system's log for errors of the disk";
  }
}

}  // namespace

sqlite::Database open_store_file(const std::string& path) {
  require_directory(path);
  make_file(path);
  sqlite::Database database(path);
  if (database.is_read_only()) throw sqlite::Error(SQLITE_READONLY, "the file is read-only");
  database.execute(kSettings);
  require_schema(database);
  if (database.scalar_text("PRAGMA journal_mode = WAL") != "wal") {
    throw sqlite::Error(SQLITE_IOERR, "this file system cannot hold SQLite's WAL; use a local disk");
  }
  return database;
}

std::string explain(const sqlite::Error& error, const std::string& path) {
  return "store " + path + ": " + error.what() + "; " + remedy(error.code());
}

}  // namespace sandgate::proxy::registry

#include <proxy/registry/sqlite.hpp>

namespace sandgate::proxy::registry::sqlite {
namespace {

[[noreturn]] void fail(sqlite3* connection) {
  throw Error(sqlite3_extended_errcode(connection), sqlite3_errmsg(connection));
}

void check(sqlite3* connection, int result) {
  if (result != SQLITE_OK) fail(connection);
}

}  // namespace

// A failing step has been reported by `next`; reset repeats its code.
Cursor::~Cursor() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Cursor::next() {
  switch (sqlite3_step(statement_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      fail(sqlite3_db_handle(statement_));
  }
}

std::string_view Cursor::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t Cursor::integer(int column) const { return sqlite3_column_int64(statement_, column); }

Statement::Statement(sqlite3* connection, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                        &statement, nullptr);
  check(connection, result);
  statement_.reset(statement);
}

void Statement::bind(int index, std::string_view text) {
  const char* bytes = text.empty() ? "" : text.data();  // a null pointer would be NULL, not ''
  check(sqlite3_db_handle(statement_.get()),
        sqlite3_bind_text64(statement_.get(), index, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind(int index, std::int64_t value) {
  check(sqlite3_db_handle(statement_.get()), sqlite3_bind_int64(statement_.get(), index, value));
}

void Statement::bind(int index, const std::optional<std::int64_t>& value) {
  if (value) bind(index, *value);  // unbound is NULL: the cursor clears bindings when it ends
}

Database::Database(const std::string& path) {
  sqlite3* connection = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  connection_.reset(connection);  // also when it failed: the connection holds the message
  check(connection, result);
}

void Database::execute(const std::string& sql) {
  check(connection_.get(), sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr));
}

Statement Database::prepare(std::string_view sql) { return Statement(connection_.get(), sql); }

std::int64_t Database::scalar(std::string_view sql) {
  Statement statement = prepare(sql);
  Cursor row = statement.run();
  return row.next() ? row.integer(0) : 0;
}

std::string Database::scalar_text(std::string_view sql) {
  Statement statement = prepare(sql);
  Cursor row = statement.run();
  return row.next() ? std::string(row.text(0)) : std::string();
}

Transaction::Transaction(Database& database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (!is_open_) return;
  try {
    database_.execute("ROLLBACK");
  } catch (const Error&) {
    // SQLite rolled back by itself, as it does for a full disk or an I/O error.
  }
}

void Transaction::commit() {
  database_.execute("COMMIT");
  is_open_ = false;
}

}  // namespace sandgate::proxy::registry::sqlite

// sqlite: the few things of SQLite's C interface the store needs, owned and typed.
//
// Everything here throws `Error`; the store catches it where its own interface begins. One connection, one thread.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sandgate::proxy::registry::sqlite {

class Error : public std::runtime_error {
 public:
  Error(int code, const std::string& text) : std::runtime_error(text), code_(code) {}
  /// The primary result code: SQLITE_FULL, SQLITE_CORRUPT, ...
  int code() const { return code_ & 0xff; }

 private:
  int code_;
};

/// A statement that is running. Ends with its scope, whatever happened.
class Cursor {
 public:
  explicit Cursor(sqlite3_stmt* statement) : statement_(statement) {}
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor();

  /// To the next row; false when there is none.
  bool next();
  /// Valid until `next`.
  std::string_view text(int column) const;
  std::int64_t integer(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* connection, std::string_view sql);

  /// Binds ?1, ?2, ... Texts must outlive the cursor.
  template <class... Values>
  Cursor run(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return Cursor(statement_.get());
  }
  /// Runs a statement that has no rows.
  template <class... Values>
  void execute(const Values&... values) {
    run(values...).next();
  }

 private:
  void bind(int index, std::string_view text);
  void bind(int index, std::int64_t value);
  void bind(int index, const std::optional<std::int64_t>& value);

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  /// Opens a file that exists, for reading and writing.
  explicit Database(const std::string& path);

  /// One or more statements without parameters, their rows ignored.
  void execute(const std::string& sql);
  Statement prepare(std::string_view sql);
  std::int64_t scalar(std::string_view sql);
  std::string scalar_text(std::string_view sql);
  /// Rows the last INSERT, UPDATE or DELETE changed.
  int changed_rows() const { return sqlite3_changes(connection_.get()); }
  bool is_read_only() const { return sqlite3_db_readonly(connection_.get(), "main") != 0; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

/// Rolls back unless it was committed.
class Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool is_open_ = true;
};

}  // namespace sandgate::proxy::registry::sqlite

// store: the embedded registry source, an SQLite file that the admin API writes to.
//
// A write is committed first and applied to the table second: what was acknowledged is on the disk, and what is on the
// disk is served at the latest after a restart. One commit costs one fsync whatever the number of changes in it, so
// `write` takes many (POST /v1/sandboxes); single puts are bound by the disk's fsync rate.
//
// Fails with a text for the operator; the connection stays open and the next write tries again. One process owns a
// file: another one's changes are seen at reload (SIGHUP), not before.
#pragma once

#include <proxy/registry/registry.hpp>
#include <proxy/registry/sqlite.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sandgate::proxy::registry {

class StoreSource final : public Source {
 public:
  /// Opens nothing: `load` does.
  StoreSource(std::string path, Registry& registry) : path_(std::move(path)), registry_(registry) {}

  std::optional<Failed> load() override;
  /// Reads everything again, if another process has changed the file.
  std::optional<Failed> reload() override;
  std::optional<Failed> expire(std::chrono::system_clock::time_point now) override;

  bool is_writable() const override { return true; }
  boost::system::result<std::vector<bool>, Failed> write(std::span<const Change> changes) override;
  boost::system::result<std::optional<std::string>, Failed> get(const SandboxId& id) override;
  boost::system::result<std::vector<Entry>, Failed> list(std::string_view after, std::size_t limit) override;

 private:
  /// The open file and its prepared statements.
  struct Open {
    explicit Open(sqlite::Database opened);
    sqlite::Database database;
    sqlite::Statement update;
    sqlite::Statement insert;
    sqlite::Statement remove;
    sqlite::Statement find;
    sqlite::Statement page;
    sqlite::Statement expired;
    std::int64_t data_version = 0;  ///< SQLite's count of other processes' changes, as of the last full read.
  };

  void read_all(Open& open);
  /// Inside a transaction; whether the id was there before.
  static bool write_one(Open& open, const Change& change);
  void apply(const Change& change);
  /// Calls `body(Open&)`; an sqlite::Error, or no open file, becomes Failed.
  template <class Body>
  auto guarded(Body body) -> boost::system::result<decltype(body(std::declval<Open&>())), Failed>;

  std::string path_;
  Registry& registry_;
  std::optional<Open> open_;
  std::vector<std::string> rejected_;  ///< Keys that are no sandbox ids; somebody else wrote them.
};

}  // namespace sandgate::proxy::registry

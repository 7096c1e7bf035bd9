#include <proxy/registry/store.hpp>
#include <proxy/registry/store_file.hpp>

#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::proxy::registry {
namespace {

/// How many expired records one call removes: a bounded pause of the control thread.
constexpr std::int64_t kExpireBatch = 1000;

const RecordError kNotAnId{"sandbox_id", "the key must be 1 to 63 letters and digits"};

std::int64_t unix_seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::optional<std::int64_t> expiry_seconds(const CheckedRecord& record) {
  const auto& expires_at = record.route()->expires_at;
  if (!expires_at) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(expires_at->time_since_epoch()).count();
}

}  // namespace

StoreSource::Open::Open(sqlite::Database opened)
    : database(std::move(opened)),
      update(database.prepare("UPDATE sandboxes SET record = ?2, expires_at = ?3, updated_at = unixepoch() "
                              "WHERE id = ?1")),
      insert(database.prepare("INSERT INTO sandboxes (id, record, expires_at, updated_at) "
                              "VALUES (?1, ?2, ?3, unixepoch())")),
      remove(database.prepare("DELETE FROM sandboxes WHERE id = ?1")),
      find(database.prepare("SELECT record FROM sandboxes WHERE id = ?1")),
      page(database.prepare("SELECT id, record FROM sandboxes WHERE id > ?1 ORDER BY id LIMIT ?2")),
      expired(database.prepare("SELECT id FROM sandboxes WHERE expires_at <= ?1 LIMIT ?2")) {}

template <class Body>
auto StoreSource::guarded(Body body) -> boost::system::result<decltype(body(std::declval<Open&>())), Failed> {
  if (!open_) return Failed{"store " + path_ + ": not open yet"};
  try {
    return body(*open_);
  } catch (const sqlite::Error& error) {
    return Failed{explain(error, path_)};
  }
}

std::optional<Source::Failed> StoreSource::load() {
  try {
    Open open(open_store_file(path_));
    read_all(open);
    open_.emplace(std::move(open));
  } catch (const sqlite::Error& error) {
    return Failed{explain(error, path_)};
  }
  registry_.mark_loaded();
  return std::nullopt;
}

std::optional<Source::Failed> StoreSource::reload() {
  if (!open_) return load();
  const auto done = guarded([this](Open& open) {
    const bool is_changed = open.database.scalar("PRAGMA data_version") != open.data_version;
    if (is_changed) read_all(open);
    return is_changed;
  });
  if (done.has_error()) return done.error();
  return std::nullopt;
}

void StoreSource::read_all(Open& open) {
  open.data_version = open.database.scalar("PRAGMA data_version");
  registry_.table().reserve(static_cast<std::size_t>(open.database.scalar("SELECT count(*) FROM sandboxes")));
  const auto known = registry_.table().ids();
  boost::unordered_flat_set<SandboxId, routing::SandboxIdHash> gone(known.begin(), known.end());
  for (const auto& key : std::exchange(rejected_, {})) registry_.forget_rejected(key);

  sqlite::Statement all = open.database.prepare("SELECT id, record FROM sandboxes");
  sqlite::Cursor row = all.run();
  while (row.next()) {
    const auto key = row.text(0);
    const auto id = SandboxId::parse(key);
    if (!id || id->view() != key) {
      rejected_.emplace_back(key);
      registry_.reject(key, kNotAnId);
      continue;
    }
    gone.erase(*id);
    registry_.put(*id, row.text(1));
  }
  for (const auto& id : gone) registry_.remove(id);
  registry_.count_reload();
}

std::optional<Source::Failed> StoreSource::expire(std::chrono::system_clock::time_point now) {
  const auto due = guarded([now](Open& open) {
    std::vector<Change> removals;
    sqlite::Cursor row = open.expired.run(unix_seconds(now), kExpireBatch);
    while (row.next()) {
      if (const auto id = SandboxId::parse(row.text(0))) removals.push_back({*id, std::nullopt});
    }
    return removals;
  });
  if (due.has_error()) return due.error();
  if (due->empty()) return std::nullopt;
  const auto written = write(*due);
  if (written.has_error()) return written.error();
  return std::nullopt;
}

boost::system::result<std::vector<bool>, Source::Failed> StoreSource::write(std::span<const Change> changes) {
  auto existed = guarded([&](Open& open) {
    std::vector<bool> before;
    before.reserve(changes.size());
    sqlite::Transaction transaction(open.database);
    for (const Change& change : changes) before.push_back(write_one(open, change));
    transaction.commit();
    return before;
  });
  if (existed.has_value()) {
    for (const Change& change : changes) apply(change);
  }
  return existed;
}

bool StoreSource::write_one(Open& open, const Change& change) {
  const auto id = change.id.view();
  if (!change.record) {
    open.remove.execute(id);
    return open.database.changed_rows() > 0;
  }
  const std::string_view json = change.record->json();
  const auto expires_at = expiry_seconds(*change.record);
  open.update.execute(id, json, expires_at);
  const bool existed = open.database.changed_rows() > 0;
  if (!existed) open.insert.execute(id, json, expires_at);
  return existed;
}

void StoreSource::apply(const Change& change) {
  if (change.record) {
    registry_.put(*change.record);
  } else {
    registry_.remove(change.id);
  }
}

boost::system::result<std::optional<std::string>, Source::Failed> StoreSource::get(const SandboxId& id) {
  return guarded([&id](Open& open) -> std::optional<std::string> {
    sqlite::Cursor row = open.find.run(id.view());
    if (!row.next()) return std::nullopt;
    return std::string(row.text(0));
  });
}

boost::system::result<std::vector<Source::Entry>, Source::Failed> StoreSource::list(std::string_view after,
                                                                                    std::size_t limit) {
  return guarded([&](Open& open) {
    std::vector<Entry> entries;
    sqlite::Cursor row = open.page.run(after, static_cast<std::int64_t>(limit));
    while (row.next()) entries.push_back({std::string(row.text(0)), std::string(row.text(1))});
    return entries;
  });
}

}  // namespace sandgate::proxy::registry

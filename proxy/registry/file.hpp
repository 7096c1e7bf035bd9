// file: the registry source of a YAML file that somebody else writes (`sandboxes:` is a map id -> record).
//
// A file that cannot be read, is empty, is not YAML as a whole or names an id twice is refused, and what was there
// stays. Otherwise only what differs from the file before is applied, so that a reload neither disturbs the sandboxes
// it does not speak of nor reports the same bad record again. A bad record takes only its own id out.
#pragma once

#include <proxy/registry/registry.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sandgate::proxy::registry {

class FileSource final : public Source {
 public:
  FileSource(std::string path, Registry& registry) : path_(std::move(path)), registry_(registry) {}

  std::optional<Failed> load() override { return reload(); }
  std::optional<Failed> reload() override;
  std::vector<std::string> watched_paths() const override { return {path_}; }
  std::optional<Failed> expire(std::chrono::system_clock::time_point now) override;

  boost::system::result<std::optional<std::string>, Failed> get(const SandboxId& id) override;
  boost::system::result<std::vector<Entry>, Failed> list(std::string_view after, std::size_t limit) override;

 private:
  struct Record {
    SandboxId id;
    std::string json;
    int line = 0;
  };
  /// By id, lower case: the order `list` gives.
  using Records = std::map<std::string, Record, std::less<>>;
  struct Contents {
    Records records;
    std::map<std::string, int> bad_keys;  ///< No sandbox ids; with their lines.
  };
  struct Expiry {
    std::chrono::system_clock::time_point at;
    SandboxId id;
  };

  boost::system::result<Contents, Failed> read() const;
  void apply_records(const Records& records);
  void apply_bad_keys(const std::map<std::string, int>& keys);
  void plan_expiry();
  std::string where(int line) const { return path_ + ":" + std::to_string(line); }

  std::string path_;
  Registry& registry_;
  Contents contents_;
  std::vector<Expiry> expiries_;  ///< The soonest last.
};

}  // namespace sandgate::proxy::registry

// load_records: a sandbox file, record by record, without a tree of the whole.
#include <config/json_text.hpp>
#include <config/load.hpp>
#include <config/yaml_events.hpp>

#include <cstdint>
#include <unordered_map>
#include <utility>

namespace sandgate::config {
namespace {

constexpr Bytes kLargestFile = mebibytes(1024);
constexpr const char* kWantedRoot = "must be a map with the one key `sandboxes`";
constexpr const char* kWantedIds = "sandboxes: must be a map of sandbox ids to records, {} for none";

/// Inside `sandboxes` every event goes to the JSON text of a record; around it anything unexpected ends the parse.
class RecordCollector : public YamlEvents {
 public:
  void on_key(Position at, const std::string& text) override {
    if (level_ == Level::record) return json_.key(at, text);
    if (level_ == Level::ids) {
      records_.push_back({text, {}, {}, at.line});
      return;
    }
    if (text != "sandboxes") throw YamlRefusal{at, kWantedRoot + std::string(", not ") + quoted(text)};
    if (has_sandboxes_) throw YamlRefusal{at, "sandboxes: is given twice; put all records under one"};
    has_sandboxes_ = true;
  }

  void on_null(Position at) override {
    require_record(at);
    json_.null();
    finish_value();
  }

  void on_scalar(Position at, const std::string& text, ScalarStyle style) override {
    require_record(at);
    json_.scalar(text, style);
    finish_value();
  }

  void on_start(Position at, Collection collection) override {
    const bool is_map = collection == Collection::map;
    switch (level_) {
      case Level::file:
        if (!is_map) throw YamlRefusal{at, kWantedRoot};
        level_ = Level::root;
        return;
      case Level::root:
        if (!is_map) throw YamlRefusal{at, kWantedIds};
        level_ = Level::ids;
        return;
      case Level::ids:
        level_ = Level::record;
        break;
      case Level::record:
        break;
    }
    json_.start(collection);
  }

  void on_end() override {
    switch (level_) {
      case Level::file:
        return;
      case Level::root:
        level_ = Level::file;
        return;
      case Level::ids:
        level_ = Level::root;
        return;
      case Level::record:
        json_.end();
    }
    finish_value();
  }

  bool has_sandboxes() const { return has_sandboxes_; }
  std::vector<RecordText> take() { return std::move(records_); }

 private:
  /// The innermost collection that is open: nothing, the root map, the map of ids, or one inside a record.
  enum class Level : std::uint8_t { file, root, ids, record };

  void require_record(Position at) const {
    if (level_ == Level::file) throw YamlRefusal{at, kWantedRoot};
    if (level_ == Level::root) throw YamlRefusal{at, kWantedIds};
  }

  void finish_value() {
    if (!json_.is_complete()) return;
    level_ = Level::ids;
    records_.back().error = json_.error();
    records_.back().json = json_.take();
  }

  Level level_ = Level::file;
  bool has_sandboxes_ = false;
  JsonText json_;
  std::vector<RecordText> records_;
};

std::vector<Problem> find_repeated_ids(const std::vector<RecordText>& records, const std::string& file) {
  std::vector<Problem> problems;
  std::unordered_map<std::string_view, int> first_line;
  first_line.reserve(records.size());
  for (const RecordText& record : records) {
    const auto [first, is_new] = first_line.emplace(record.id, record.line);
    if (is_new) continue;
    problems.push_back({file, record.line, 0, "sandboxes." + shown(record.id),
                        "is given twice; remove this one or the one on line " + std::to_string(first->second)});
  }
  return problems;
}

std::vector<Problem> whole_file(const std::string& file, std::string text) {
  return {Problem{file, 0, 0, {}, std::move(text)}};
}

}  // namespace

LoadedRecords load_records(std::string_view yaml, const std::string& file) {
  if (yaml.size() > kLargestFile.count) {
    return whole_file(file, "is larger than " + to_string(kLargestFile) + "; use the registry source `store`");
  }
  RecordCollector collector;
  if (auto problem = parse_yaml(yaml, file, collector)) return std::vector{*std::move(problem)};
  if (!collector.has_sandboxes()) return whole_file(file, kWantedRoot);
  std::vector<RecordText> records = collector.take();
  if (auto repeated = find_repeated_ids(records, file); !repeated.empty()) return repeated;
  return records;
}

}  // namespace sandgate::config

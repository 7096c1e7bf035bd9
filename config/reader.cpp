#include <config/reader.hpp>

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace sandgate::config {
namespace {

std::string described(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "empty";
    case YamlNode::Kind::scalar:
      return quoted(node.text);
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map of keys";
  }
  return {};
}

/// How many letters must be inserted, removed or replaced to make one of the other (Levenshtein).
std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t replaced = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

void Report::add(Position at, std::string key, std::string text) {
  problems.push_back({file, at.line, at.column, std::move(key), std::move(text)});
}

Value::Value(const YamlNode& node, std::string path, Report& report)
    : node_(&node), path_(std::move(path)), report_(&report) {
  report.positions.emplace(path_, node.at);
}

const std::string* Value::scalar(std::string_view wanted) const {
  if (node_->kind == YamlNode::Kind::scalar) return &node_->text;
  reject(wanted);
  return nullptr;
}

std::optional<std::vector<Value>> Value::items() const {
  if (node_->kind != YamlNode::Kind::list) {
    reject("a list, [] for none");
    return std::nullopt;
  }
  std::vector<Value> items;
  items.reserve(node_->children.size());
  for (std::size_t i = 0; i < node_->children.size(); ++i) {
    items.push_back(child(i, path_ + "[" + std::to_string(i) + "]"));
  }
  return items;
}

bool Value::is_map() const {
  if (node_->kind == YamlNode::Kind::map) return true;
  reject("a map of keys");
  return false;
}

void Value::reject(std::string_view wanted) const {
  report(node_->at, path_, std::string("must be ").append(wanted).append(", not ").append(described(*node_)));
}

Fields::Fields(const Value& map) : map_(map) { report_repeated(); }

std::optional<Value> Fields::find(std::string_view key) {
  known_.push_back(key);
  const auto& keys = map_.node().keys;
  const auto found = std::ranges::find(keys, key, &YamlKey::text);
  if (found == keys.end()) return std::nullopt;
  return map_.child(static_cast<std::size_t>(found - keys.begin()), path_of(key));
}

void Fields::report_unknown() const {
  for (const YamlKey& key : map_.node().keys) {
    if (std::ranges::find(known_, key.text) != known_.end()) continue;
    map_.report(key.at, path_of(shown(key.text)), "is not a key here; " + advice_for(key.text));
  }
}

void Fields::report_missing(std::string_view key) const {
  map_.report(map_.node().at, path_of(key), "is missing, and has no default");
}

void Fields::report_repeated() const {
  std::unordered_map<std::string_view, int> first_line;
  for (const YamlKey& key : map_.node().keys) {
    const auto [first, is_new] = first_line.emplace(key.text, key.at.line);
    if (is_new) continue;
    map_.report(key.at, path_of(shown(key.text)),
                "is given twice; remove this one or the one on line " + std::to_string(first->second));
  }
}

std::string Fields::path_of(std::string_view key) const {
  return map_.path().empty() ? std::string(key) : (map_.path() + ".").append(key);
}

std::string Fields::advice_for(std::string_view unknown) const {
  // Two slips of the pen in a word of usual length, one in a short one; beyond that a guess misleads.
  const std::size_t allowed = unknown.size() > 4 ? 2 : 1;
  std::string_view closest;
  std::size_t best = allowed + 1;
  for (const std::string_view key : known_) {
    if (key.size() > unknown.size() + allowed || unknown.size() > key.size() + allowed) continue;
    const std::size_t distance = edit_distance(unknown, key);
    if (distance < best) {
      best = distance;
      closest = key;
    }
  }
  if (!closest.empty()) return "did you mean " + quoted(closest) + "?";
  std::string all = "the keys here are";
  for (std::size_t i = 0; i < known_.size(); ++i) all.append(i == 0 ? " " : ", ").append(known_[i]);
  return all;
}

}  // namespace sandgate::config

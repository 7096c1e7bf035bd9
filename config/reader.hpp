// reader: from a YAML tree into structs, strictly, with every error kept.
//
//   describe(fields, timeouts)   names the keys of a struct (fields.hpp), once for reading and for writing
//   Fields::field("connect", d)  finds the key, reads its value into d, remembers that the key is known
//   read(value, d)               converts one value by the type of d; one overload for each type
//
// Reading never stops at an error: it reports and goes on, leaving what could not be read at its default. Every value
// that is visited leaves its position in the Report, so that a rule broken later can still name the line.
#pragma once

#include <config/yaml_tree.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandgate::config {

struct Report {
  std::string file;
  std::vector<Problem> problems;
  std::map<std::string, Position, std::less<>> positions;  ///< Key path -> where its value stands.

  void add(Position at, std::string key, std::string text);
};

/// One node of the tree, with the key path that leads to it.
class Value {
 public:
  Value(const YamlNode& node, std::string path, Report& report);

  /// The text of a scalar; anything else is reported against `wanted`: "a duration such as 10s".
  const std::string* scalar(std::string_view wanted) const;
  /// The items of a list; anything else is reported and gives none.
  std::optional<std::vector<Value>> items() const;
  bool is_map() const;  ///< Reports when it is not.
  /// "must be <wanted>, not <what it is>"
  void reject(std::string_view wanted) const;

  const YamlNode& node() const { return *node_; }
  const std::string& path() const { return path_; }
  Value child(std::size_t index, const std::string& path) const { return {node_->children[index], path, *report_}; }
  void report(Position at, const std::string& key, std::string text) const { report_->add(at, key, std::move(text)); }

 private:
  const YamlNode* node_;
  std::string path_;
  Report* report_;
};

/// The keys of one map while a struct is read from it. What `describe` calls when a configuration is loaded.
class Fields {
 public:
  explicit Fields(const Value& map);

  /// Absent: the target keeps its default.
  template <class T>
  void field(std::string_view key, T& target) {
    if (const auto value = find(key)) read(*value, target);
  }
  /// Absent is an error.
  template <class T>
  void required(std::string_view key, T& target) {
    if (const auto value = find(key)) return read(*value, target);
    report_missing(key);
  }
  /// To be called last: whatever was not asked for is not a key.
  void report_unknown() const;

 private:
  std::optional<Value> find(std::string_view key);
  void report_missing(std::string_view key) const;
  void report_repeated() const;
  std::string path_of(std::string_view key) const;
  std::string advice_for(std::string_view unknown) const;

  const Value& map_;
  std::vector<std::string_view> known_;
};

/// A struct that says its keys.
template <class T>
concept Described = requires(Fields& fields, T& target) {
  describe(fields, target);
};

template <Described T>
void read(const Value& value, T& target) {
  if (!value.is_map()) return;
  Fields fields(value);
  describe(fields, target);
  fields.report_unknown();
}

/// A part that is there or not.
template <Described T>
void read(const Value& value, std::optional<T>& target) {
  read(value, target.emplace());
}

/// A list replaces its default as a whole. An item that could not be read keeps its place.
template <class T>
void read(const Value& value, std::vector<T>& target) {
  const auto items = value.items();
  if (!items) return;
  target.clear();
  for (const Value& item : *items) read(item, target.emplace_back());
}

}  // namespace sandgate::config

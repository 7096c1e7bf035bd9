// yaml_tree: a small YAML text held whole, every node with the place it stood.
//
// For the configuration, which is read by name and not in order. Text only: what a scalar means is decided by the field
// that reads it. Keys keep their order, and a key given twice is in the map twice, for the reader to report.
#pragma once

#include <config/problem.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sandgate::config {

struct YamlKey {
  std::string text;
  Position at;
};

struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map };

  Kind kind = Kind::null;
  Position at;
  std::string text;                ///< Of a scalar.
  std::vector<YamlKey> keys;       ///< Of a map: as many as children.
  std::vector<YamlNode> children;  ///< Of a map its values, of a list its items.
};

/// The root, or the one problem that makes the text unreadable. A text without any value gives a null root.
std::variant<YamlNode, Problem> parse_tree(std::string_view yaml, const std::string& file);

}  // namespace sandgate::config

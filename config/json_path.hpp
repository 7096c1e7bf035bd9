// json_path: where in a Kubernetes object a value stands, as an operator writes it.
//
//   status.podIP                              keys, one after the other
//   status.podIPs[0]                          an item of a list
//   metadata.labels["example.com/id"]         a key of any characters
//   status.conditions[type=Ready].status      the first item of a list whose key `type` is the text Ready
//   metadata.annotations["x/ips"] | [0]       the text before the bar holds JSON, in which the path goes on
//
// Pure. What a path does not lead to is absent, never an error: objects are somebody else's.
#pragma once

#include <boost/json/value.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sandgate::config {

class JsonPath {
 public:
  static constexpr std::size_t kMaxSteps = 32;

  /// The path, or what is wrong with the text.
  static std::variant<JsonPath, std::string> parse(std::string_view text);

  /// What stands there as text: a string as it is, numbers, true and false as JSON writes them. Nothing: null, a map, a
  /// list, or nothing at all.
  std::optional<std::string> find(const boost::json::value& root) const;

 private:
  struct Key {
    std::string name;
  };
  struct Item {
    std::size_t index;
  };
  struct Match {
    std::string key;
    std::string value;
  };
  struct Embedded {};
  using Step = std::variant<Key, Item, Match, Embedded>;

  static const boost::json::value* follow(const Step& step, const boost::json::value& from);
  static std::variant<Step, std::string> parse_bracket(std::string_view inside);

  std::vector<Step> steps_;
};

}  // namespace sandgate::config

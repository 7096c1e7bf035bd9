// json_text: JSON written straight from YAML events, without a tree in between.
//
// A plain scalar becomes the JSON type YAML 1.2's core schema gives it when nothing of its text is lost by that: true,
// false, null, whole numbers of 64 bits, decimal fractions a double gives back digit by digit. Everything else ("007",
// 1e5, 0x1F, 1.50, dates) stays a string, and a quoted scalar always does.
//
// Promises well-formed JSON for printable UTF-8. Fails with: a key given twice in one map, which JSON readers would
// silently settle one way or the other; the text is then empty and `error` says which key.
#pragma once

#include <config/yaml_events.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::config {

class JsonText {
 public:
  void key(Position at, const std::string& text);
  void null();
  void scalar(const std::string& text, YamlEvents::ScalarStyle style);
  void start(YamlEvents::Collection collection);
  void end();

  bool is_complete() const { return open_.empty(); }  ///< After a value: the value was the outermost.
  const std::string& error() const { return error_; }
  /// The text so far, empty after an error; this is then as new.
  std::string take();

 private:
  struct Open {
    YamlEvents::Collection collection;
    std::set<std::string, std::less<>> keys;
    bool is_empty = true;
  };

  void separate();
  void begin_value();

  std::string out_;
  std::string error_;
  std::vector<Open> open_;
};

/// Appends `text` in quotes, with RFC 8259's escapes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace sandgate::config

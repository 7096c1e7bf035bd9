// yaml_events: YAML as a stream of events, in the small dialect the project's files are written in.
//
// The only place that sees yaml-cpp. One document of maps, lists and scalars, in printable UTF-8; keys are text. What
// else YAML knows is refused as an error of the text as a whole, because it has no use here and some of it is
// dangerous: aliases (and so merge keys), which can make a kilobyte stand for a gigabyte, tags other than !!str, keys
// that are no text, a second document. A key given twice is for the consumer to judge.
//
// Streams: memory is bounded by the deepest nesting and the longest scalar, not by the length of the text.
// Fails with: the one Problem that ended the parse. Throws on no input.
#pragma once

#include <config/problem.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::config {

/// Thrown by an event function to end the parse; parse_yaml makes its Problem of it, it goes no further.
struct YamlRefusal {
  Position at;
  std::string text;
};

class YamlEvents {
 public:
  enum class ScalarStyle : std::uint8_t { plain, quoted };
  enum class Collection : std::uint8_t { map, list };

  virtual ~YamlEvents() = default;
  virtual void on_key(Position at, const std::string& text) = 0;  ///< Of the innermost map; its value comes next.
  virtual void on_null(Position at) = 0;
  virtual void on_scalar(Position at, const std::string& text, ScalarStyle style) = 0;
  virtual void on_start(Position at, Collection collection) = 0;
  virtual void on_end() = 0;
};

/// Feeds `events` until the end of the text or the first error. `file` is only the name used in the problem.
/// A text of nothing but comments gives no event and no problem.
std::optional<Problem> parse_yaml(std::string_view yaml, const std::string& file, YamlEvents& events);

}  // namespace sandgate::config

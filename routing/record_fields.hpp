// record_fields: typed reading of one JSON object of a record.
//
// A field is absent (or null, which is the same) or of its type; any other type is an error, never a default. The first
// error is kept and the readers go on, so that the code that reads a record is a plain list of its fields.
#pragma once

#include <routing/route_record.hpp>

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::routing {

class RecordFields {
 public:
  /// `object` must outlive this. `path` is what comes before a field's name in an error: "ports.8080.".
  explicit RecordFields(const boost::json::object& object, std::string path = {});

  std::optional<std::string_view> string(std::string_view name);
  /// As `string`, with an empty one absent too.
  std::optional<std::string_view> nonempty_string(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  /// From `least` to the greatest 32-bit number.
  std::optional<std::int32_t> integer(std::string_view name, std::int32_t least);
  /// Null when absent.
  const boost::json::object* object(std::string_view name);

  /// `name` is wrong: `text` says how, and what to write instead.
  void fail(std::string_view name, std::string text);
  /// Takes over what another object's reader found.
  void fail(const std::optional<RecordError>& nested);
  const std::optional<RecordError>& error() const { return error_; }

 private:
  const boost::json::value* find(std::string_view name) const;

  const boost::json::object& object_;
  std::string path_;
  std::optional<RecordError> error_;
};

}  // namespace sandgate::routing

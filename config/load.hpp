// load: YAML text -> Config, strictly.
//
// An unknown key, a bare number where a unit belongs, a value out of range, a key given twice: each is an error with
// file, line, column, key path, what is wrong and what to write instead. All errors are reported at once; nothing
// throws.
#pragma once

#include <config/config.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sandgate::config {

struct Problem {
  std::string file;
  int line = 0;      ///< 1-based; 0 = the file as a whole.
  int column = 0;    ///< 1-based.
  std::string key;   ///< "timeouts.client_head", "listeners[0].tls.minimum_version".
  std::string text;  ///< "must be a duration such as 10s or 250ms, not \"10\"".

  std::string to_string() const;  ///< "edge.yaml:12:3: timeouts.client_head: must be ..."
};

using Loaded = std::variant<Config, std::vector<Problem>>;

/// `file` is only the name used in problems. Includes the rules of `validate`.
Loaded load(std::string_view yaml, const std::string& file);
/// Reads the file; a file that cannot be read is a Problem too.
Loaded load_file(const std::string& path);

/// A sandbox file (registry source `file`): `sandboxes:` is a map id -> record. The YAML of each record is handed on as
/// JSON text, because only config/ sees YAML and only routing/ knows what a record means. A plain scalar becomes the
/// JSON type YAML 1.2's core schema gives it, except where that would lose digits or the text looks like a date; a
/// quoted scalar stays a string.
struct RecordText {
  std::string id;
  std::string json;
  int line = 0;
};
using LoadedRecords = std::variant<std::vector<RecordText>, std::vector<Problem>>;
LoadedRecords load_records(std::string_view yaml, const std::string& file);

/// The effective configuration as JSON-able YAML text is made by `dump`: every key, defaults included.
std::string dump_json(const Config& config);

}  // namespace sandgate::config

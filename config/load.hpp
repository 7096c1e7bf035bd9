// load: YAML text -> Config, strictly.
//
// An unknown key, a bare number where a unit belongs, a value out of range, a key given twice: each is an error with
// file, line, column, key path, what is wrong and what to write instead. All errors are reported at once; nothing
// throws.
#pragma once

#include <config/config.hpp>
#include <config/problem.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sandgate::config {

using Loaded = std::variant<Config, std::vector<Problem>>;

/// `file` is only the name used in problems. Includes the rules of `validate`.
Loaded load(std::string_view yaml, const std::string& file);
/// Reads the file; a file that cannot be read is a Problem too.
Loaded load_file(const std::string& path);

/// A sandbox file (registry source `file`): `sandboxes:` is a map id -> record. The YAML of each record is handed on as
/// JSON text, because only config/ sees YAML and only routing/ knows what a record means. A plain scalar becomes the
/// JSON type YAML 1.2's core schema gives it, except where that would lose digits or the text looks like a date; a
/// quoted scalar stays a string.
///
/// A key given twice takes only that record out: it has an `error` and no JSON. Whatever leaves the file as a whole in
/// doubt (YAML that does not parse, no `sandboxes`, an id given twice, more than 1 GiB) is a Problem, and no record
/// of it should be used. `sandboxes: {}` is a file without records; `sandboxes:` alone is refused, as half-written.
struct RecordText {
  std::string id;
  std::string json;   ///< Empty when there is an error.
  std::string error;  ///< What is wrong with the record's YAML; empty = nothing.
  int line = 0;       ///< Of the id.
};
using LoadedRecords = std::variant<std::vector<RecordText>, std::vector<Problem>>;
LoadedRecords load_records(std::string_view yaml, const std::string& file);

/// The effective configuration as one JSON object: every key as in the YAML, defaults included, durations and sizes as
/// texts, what is absent as null, passwords in URLs as ***.
std::string dump_json(const Config& config);

}  // namespace sandgate::config

// Any bytes give a Config or at least one Problem, and any bytes give records that are JSON or at least one Problem.
// What loads can be shown, and every problem can be printed on one line. See config/load.hpp.
#include <config/load.hpp>

#include <boost/json/parse.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace sandgate::config;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_problems(const std::vector<Problem>& problems) {
  require(!problems.empty());
  for (const Problem& problem : problems) {
    const std::string text = problem.to_string();
    require(!problem.text.empty() && text.find('\n') == std::string::npos && text.find('\0') == std::string::npos);
  }
}

void require_json(const std::string& text) {
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 4096;  // deeper than YAML nests
  boost::json::parse(text, error, {}, options);
  require(!error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const Loaded loaded = load(text, "fuzz.yaml");
  if (const auto* config = std::get_if<Config>(&loaded)) {
    require(!config->domains.empty() && !config->listeners.empty());
    require_json(dump_json(*config));
  } else {
    check_problems(std::get<std::vector<Problem>>(loaded));
  }

  const LoadedRecords records = load_records(text, "fuzz.yaml");
  if (const auto* problems = std::get_if<std::vector<Problem>>(&records)) {
    check_problems(*problems);
  } else {
    for (const RecordText& record : std::get<std::vector<RecordText>>(records)) {
      require(record.line > 0 && record.json.empty() != record.error.empty());
      if (record.error.empty()) require_json(record.json);
    }
  }
  return 0;
}

#include <proxy/commands/commands.hpp>
#include <proxy/commands/configuration.hpp>
#include <proxy/explain_route.hpp>
#include <routing/authority.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/program_options/value_semantic.hpp>

#include <chrono>
#include <iomanip>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace sandgate::proxy::commands {
namespace {

std::string_view text_of(const boost::json::value& object, std::string_view key) { return object.at(key).as_string(); }

void print_steps(const boost::json::value& explanation, std::ostream& out) {
  out << text_of(explanation, "authority") << "\n";
  for (const boost::json::value& step : explanation.at("steps").as_array()) {
    out << (step.at("ok").as_bool() ? "  ok    " : "  STOP  ") << std::left << std::setw(10) << text_of(step, "step")
        << text_of(step, "detail") << "\n";
  }
  out << "-> " << text_of(explanation, "outcome");
  if (const auto* upstream = explanation.at("upstream").if_string()) out << " to " << std::string_view(*upstream);
  out << "\n";
}

/// What is wrong with the record of the sandbox that was asked for; the explanation only says that something is.
void print_record_error(const std::string& host, const config::Config& config, const registry::Registry& registry,
                        std::ostream& err) {
  const auto target = routing::find_target(host, {}, config.domains);
  if (target.has_error()) return;
  const auto invalid = registry.invalid_records();
  if (const auto at = invalid.find(target->id.view()); at != invalid.end()) {
    err << "note: " << describe(at->first, at->second) << "\n";
  }
}

}  // namespace

int route(Arguments arguments, Console& console) {
  Syntax syntax("sandgate route --config FILE HOST [--json]",
                "Says what would happen to a request for HOST (<port>-<sandbox id>.<domain>), step by step, and why,\n"
                "from the configuration and the records `serve` would load. Nothing is sent. Exit status 0 when the\n"
                "question could be answered, whatever the answer.");
  syntax
      .option("config", boost::program_options::value<std::string>()->required()->value_name("FILE"),
              "the configuration, YAML")
      .flag("json", "print JSON: authority, steps, outcome, upstream")
      .positional("HOST");
  const auto values = syntax.read(arguments, console);
  if (!values) return kSuccess;
  const std::string host = required_text(*values, "HOST");
  const std::optional<config::Config> config = load_configuration(required_text(*values, "config"), console.err);
  if (!config) return kBadConfiguration;

  registry::Registry registry;
  std::string json;
  const auto explain = [&] { json = explain_route(host, *config, registry.table(), std::chrono::system_clock::now()); };
  const auto failed = load_records(*config, registry, [&](registry::Source& source) {
    const auto target = routing::find_target(host, {}, config->domains);
    if (target.has_value()) source.know(target->id);
    explain();
  });
  if (failed) {
    console.err << "sandgate: " << *failed << "\n";
    return kFailed;
  }
  if (is_store_absent(*config)) {
    console.err << "note: " << config->registry.store.path << " is not there yet\n";
    explain();
  }
  if (values->count("json") != 0) {
    console.out << json << "\n";
  } else {
    print_steps(boost::json::parse(json), console.out);
  }
  print_record_error(host, *config, registry, console.err);
  return kSuccess;
}

}  // namespace sandgate::proxy::commands

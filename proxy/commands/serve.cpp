#include <proxy/commands/commands.hpp>
#include <proxy/commands/configuration.hpp>
#include <proxy/server.hpp>

#include <boost/program_options/value_semantic.hpp>

#include <optional>
#include <string>
#include <utility>

namespace sandgate::proxy::commands {

int serve(Arguments arguments, Console& console) {
  Syntax syntax(
      "sandgate serve --config FILE",
      "Runs the edge in the foreground; logs go to stdout (requests) and stderr (everything else). SIGTERM\n"
      "drains: what is open may end, then the process does; a second SIGTERM ends it at once. SIGHUP reloads\n"
      "configuration, certificates and sandbox file, and reopens the access log.");
  syntax.option("config", boost::program_options::value<std::string>()->required()->value_name("FILE"),
                "the configuration, YAML");
  const auto values = syntax.read(arguments, console);
  if (!values) return kSuccess;
  const std::string path = required_text(*values, "config");
  std::optional<config::Config> config = load_configuration(path, console.err);
  if (!config) return kBadConfiguration;
  return run_server(*std::move(config), path);
}

}  // namespace sandgate::proxy::commands

#include <proxy/command.hpp>
#include <proxy/commands/commands.hpp>

#include <algorithm>
#include <array>
#include <iomanip>
#include <ostream>
#include <string>
#include <string_view>

namespace sandgate::proxy {
namespace {

using commands::Arguments;
using commands::Console;

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(Arguments, Console&);
};

constexpr std::array kCommands{
    Command{"serve", "run the edge in the foreground", &commands::serve},
    Command{"check", "say everything that is wrong with a configuration and what it names", &commands::check},
    Command{"route", "say what would happen to a request for a host, step by step, and why", &commands::route},
    Command{"sandbox", "put, get, list and remove sandboxes of a running edge", &commands::sandbox},
    Command{"health", "say whether a running edge is ready, for an image's health check", &commands::health},
    Command{"version", "version, compiler, and the versions of the libraries it runs with", &commands::version},
};

void print_help(std::ostream& out) {
  out << "usage: sandgate COMMAND ...\n\nSandgate is the HTTPS front door of sandboxes.\n\ncommands:\n";
  for (const Command& command : kCommands) {
    out << "  " << std::left << std::setw(9) << command.name << command.summary << "\n";
  }
  out << "\n`sandgate COMMAND --help` says more. Exit status: 0, 1 (it did not work), 64 (usage), 78 "
         "(configuration).\n";
}

const Command& find_command(std::string_view word) {
  const auto* const command = std::ranges::find(kCommands, word, &Command::name);
  if (command != kCommands.end()) return *command;
  std::array<std::string_view, kCommands.size()> names;
  std::ranges::transform(kCommands, names.begin(), &Command::name);
  throw commands::unknown_command(word, names);
}

}  // namespace

int run_command(Arguments arguments, Console& console) {
  const std::string first = arguments.empty() ? "" : arguments.front();
  if (first == "--help" || first == "-h" || first == "help") {
    print_help(console.out);
    return commands::kSuccess;
  }
  std::string where = "sandgate";
  try {
    if (first.empty()) throw commands::UsageError("a command is missing");
    const Command& command = find_command(first == "--version" ? "version" : first);
    where.append(" ").append(command.name);
    return command.run(arguments.subspan(1), console);
  } catch (const commands::UsageError& error) {
    console.err << "sandgate: " << error.what() << " (see '" << where << " --help')\n";
    return commands::kBadUsage;
  }
}

}  // namespace sandgate::proxy

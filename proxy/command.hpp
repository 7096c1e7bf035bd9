// command: the command line of Sandgate (interface.md, "Command").
//
//   sandgate serve|check|route|sandbox|version
//
// Exit codes: 0, 1 (it did not work), 64 (usage), 78 (configuration). Answers go to stdout, everything else to stderr.
#pragma once

#include <proxy/commands/arguments.hpp>
#include <proxy/commands/console.hpp>

namespace sandgate::proxy {

/// `arguments` without the program's name. Gives the exit code. What a command throws, it throws.
int run_command(commands::Arguments arguments, commands::Console& console);

}  // namespace sandgate::proxy

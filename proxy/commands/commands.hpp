// commands: each takes what follows its name on the command line and gives the exit code. Throws UsageError, or another
// std::exception when it did not work.
#pragma once

#include <proxy/commands/arguments.hpp>
#include <proxy/commands/console.hpp>

namespace sandgate::proxy::commands {

int serve(Arguments arguments, Console& console);
int check(Arguments arguments, Console& console);
int route(Arguments arguments, Console& console);
int sandbox(Arguments arguments, Console& console);
int health(Arguments arguments, Console& console);
int version(Arguments arguments, Console& console);

}  // namespace sandgate::proxy::commands

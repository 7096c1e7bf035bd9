// The program: readies the process, and hands over to the command line.
#include <proxy/command.hpp>

#include <csignal>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

/// A descriptor 0, 1 or 2 that is closed would be given to the next socket, and what is meant for the log sent to a
/// client.
bool open_standard_streams() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDWR);
  return fd >= 0 && ::close(fd) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  namespace commands = sandgate::proxy::commands;
  if (!open_standard_streams()) return commands::kFailed;
  std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error of the write, where it is handled
  commands::Console console{std::cin, std::cout, std::cerr};
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const int status = sandgate::proxy::run_command(arguments, console);
    return std::cout.flush() ? status : commands::kFailed;
  } catch (const std::exception& error) {
    std::cerr << "sandgate: " << error.what() << "\n";
  } catch (...) {
    std::cerr << "sandgate: it failed for a reason that cannot be told\n";
  }
  return commands::kFailed;
}

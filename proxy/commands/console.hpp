// console: what a command reads and writes, and how it ends.
#pragma once

#include <iosfwd>
#include <stdexcept>

namespace sandgate::proxy::commands {

struct Console {
  std::istream& in;
  std::ostream& out;  ///< Answers.
  std::ostream& err;  ///< Errors and remarks, a line each.
};

// Exit codes; 64 and 78 are those of sysexits(3).
inline constexpr int kSuccess = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadUsage = 64;
inline constexpr int kBadConfiguration = 78;

/// The arguments make no sense; the text says which and what to write instead.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace sandgate::proxy::commands

// arguments: one command's arguments, read strictly, and its --help.
//
// Options are never guessed from their beginning, so that a script keeps its meaning when an option is added.
#pragma once

#include <proxy/commands/console.hpp>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::commands {

using Arguments = std::span<const std::string>;

class Syntax {
 public:
  /// `usage` is the line after "usage: ", `about` the text between it and the options.
  Syntax(std::string usage, std::string about);

  Syntax& option(const char* name, const boost::program_options::value_semantic* value, const char* help);
  Syntax& flag(const char* name, const char* help);
  /// The next argument without a name, at most one of each; `name` is how the result has it.
  Syntax& positional(const char* name);

  /// Nothing when --help was asked for: it has been printed. Throws UsageError.
  std::optional<boost::program_options::variables_map> read(Arguments arguments, Console& console) const;

 private:
  std::string usage_;
  std::string about_;
  boost::program_options::options_description options_;  ///< Those that help shows.
  std::vector<std::string> positional_;
};

/// An option's or argument's text; throws UsageError when it is not there.
std::string required_text(const boost::program_options::variables_map& values, const char* name);

/// The candidate a mistyped word was most likely meant to be; empty when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// "unknown command 'serv'; did you mean 'serve'?"
UsageError unknown_command(std::string_view word, std::span<const std::string_view> commands);

}  // namespace sandgate::proxy::commands

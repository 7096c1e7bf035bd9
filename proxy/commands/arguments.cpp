#include <proxy/commands/arguments.hpp>

#include <boost/program_options/errors.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>

#include <algorithm>
#include <numeric>
#include <ostream>
#include <utility>

namespace sandgate::proxy::commands {
namespace {

namespace options = boost::program_options;

/// Levenshtein's: how many letters to insert, remove or replace.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

Syntax::Syntax(std::string usage, std::string about)
    : usage_(std::move(usage)), about_(std::move(about)), options_("options") {}

Syntax& Syntax::option(const char* name, const options::value_semantic* value, const char* help) {
  options_.add_options()(name, value, help);
  return *this;
}

Syntax& Syntax::flag(const char* name, const char* help) {
  options_.add_options()(name, help);
  return *this;
}

Syntax& Syntax::positional(const char* name) {
  positional_.emplace_back(name);
  return *this;
}

std::optional<options::variables_map> Syntax::read(Arguments arguments, Console& console) const {
  options::options_description all;
  all.add(options_).add_options()("help,h", "say this");
  options::positional_options_description order;
  for (const std::string& name : positional_) {
    all.add_options()(name.c_str(), options::value<std::string>());
    order.add(name.c_str(), 1);
  }
  constexpr int kStyle = options::command_line_style::unix_style & ~options::command_line_style::allow_guessing;
  options::variables_map values;
  try {
    const std::vector<std::string> words(arguments.begin(), arguments.end());
    options::store(options::command_line_parser(words).options(all).positional(order).style(kStyle).run(), values);
    if (values.count("help") == 0) options::notify(values);
  } catch (const options::too_many_positional_options_error&) {
    throw UsageError("too many arguments");
  } catch (const options::error& error) {
    throw UsageError(error.what());
  }
  if (values.count("help") == 0) return values;
  console.out << "usage: " << usage_ << "\n\n" << about_ << "\n";
  if (!options_.options().empty()) console.out << "\n" << options_;
  return std::nullopt;
}

std::string required_text(const options::variables_map& values, const char* name) {
  const options::variable_value& value = values[name];
  if (value.empty()) throw UsageError(std::string(name) + " is missing");
  return value.as<std::string>();
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = 3;  // three letters off is another word
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance || distance >= candidate.size()) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

UsageError unknown_command(std::string_view word, std::span<const std::string_view> commands) {
  std::string text = "unknown command '" + std::string(word) + "'; ";
  if (const std::string_view meant = nearest(word, commands); !meant.empty()) {
    return UsageError(text + "did you mean '" + std::string(meant) + "'?");
  }
  text += "write one of";
  for (const std::string_view command : commands) text.append(command == commands.front() ? " " : ", ").append(command);
  return UsageError(text);
}

}  // namespace sandgate::proxy::commands

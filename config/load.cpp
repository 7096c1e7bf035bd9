#include <config/fields.hpp>
#include <config/load.hpp>
#include <config/reader.hpp>
#include <config/scalars.hpp>
#include <config/validate.hpp>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <tuple>

namespace sandgate::config {
namespace {

constexpr Bytes kLargestFile = mebibytes(1);

void lower(std::string& text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

/// Into the form the rest of the edge compares with.
void normalise(Config& config) {
  for (std::string& domain : config.domains) {
    lower(domain);
    if (domain.ends_with('.')) domain.pop_back();
  }
  lower(config.access.token_header);
}

/// One key path leads through the other: "listeners[0]" and "listeners[0].tls", but not "edge" and "edges".
bool is_same_branch(std::string_view one, std::string_view other) {
  if (one.size() > other.size()) std::swap(one, other);
  if (!other.starts_with(one)) return false;
  return one.empty() || one.size() == other.size() || other[one.size()] == '.' || other[one.size()] == '[';
}

/// Where the value of the key stands, or, when it was left to its default, the innermost map around it that was given.
Position find_position(const Report& report, std::string_view key) {
  while (!key.empty()) {
    if (const auto found = report.positions.find(key); found != report.positions.end()) return found->second;
    const auto end = key.find_last_of(".[");
    key = key.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return {};
}

/// A rule about a value that could not even be read would only repeat what was reported.
void report_violations(const Config& config, Report& report) {
  const std::vector<Problem> unread = report.problems;
  for (Violation& violation : validate(config)) {
    const auto concerns = [&](const Problem& problem) { return is_same_branch(problem.key, violation.key); };
    if (std::ranges::any_of(unread, concerns)) continue;
    const Position at = find_position(report, violation.key);
    report.add(at, std::move(violation.key), std::move(violation.text));
  }
}

std::vector<Problem> in_file_order(std::vector<Problem> problems) {
  const auto place = [](const Problem& problem) { return std::tuple(problem.line, problem.column); };
  std::ranges::stable_sort(problems, {}, place);
  return problems;
}

std::vector<Problem> whole_file(const std::string& file, std::string text) {
  return {Problem{file, 0, 0, {}, std::move(text)}};
}

}  // namespace

Loaded load(std::string_view yaml, const std::string& file) {
  if (yaml.size() > kLargestFile.count) {
    return whole_file(file, "is larger than " + to_string(kLargestFile) + ", the most a configuration may be");
  }
  const auto parsed = parse_tree(yaml, file);
  if (const auto* problem = std::get_if<Problem>(&parsed)) return std::vector{*problem};
  const auto& root = std::get<YamlNode>(parsed);
  if (root.kind == YamlNode::Kind::null) {
    return whole_file(file, "is empty; write at least `domains` and `listeners`");
  }

  Report report{file, {}, {}};
  Config config = default_config();
  read(Value(root, {}, report), config);
  normalise(config);
  report_violations(config, report);
  if (!report.problems.empty()) return in_file_order(std::move(report.problems));
  return config;
}

Loaded load_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kLargestFile.count + 1, '\0');
  // A folder opens like a file, and fails only when it is read.
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return whole_file(path, "cannot be read: " + std::generic_category().message(errno));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return load(text, path);
}

}  // namespace sandgate::config

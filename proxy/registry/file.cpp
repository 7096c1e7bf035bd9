#include <config/load.hpp>
#include <proxy/registry/file.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <variant>

namespace sandgate::proxy::registry {
namespace {

/// A file with more wrong than this is wrong as a whole; the log need not hold all of it.
constexpr std::size_t kMaxProblemsShown = 10;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

boost::system::error_code last_error() { return {errno, boost::system::generic_category()}; }

boost::system::result<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return last_error();
  std::string text;
  std::array<char, std::size_t{64} * 1024> block;
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), file.get())) {
    text.append(block.data(), count);
  }
  if (std::ferror(file.get()) != 0) return last_error();
  return text;
}

Source::Failed to_failed(const std::vector<config::Problem>& problems) {
  std::string text;
  for (std::size_t i = 0; i < problems.size() && i < kMaxProblemsShown; ++i) {
    if (i > 0) text += "; ";
    text += problems[i].to_string();
  }
  if (problems.size() > kMaxProblemsShown) {
    text += "; and " + std::to_string(problems.size() - kMaxProblemsShown) + " more";
  }
  return {std::move(text)};
}

}  // namespace

std::optional<Source::Failed> FileSource::reload() {
  auto contents = read();
  if (contents.has_error()) return contents.error();
  apply_bad_keys(contents->bad_keys);
  apply_records(contents->records);
  contents_ = *std::move(contents);
  plan_expiry();
  registry_.count_reload();
  registry_.mark_loaded();
  return std::nullopt;
}

boost::system::result<FileSource::Contents, Source::Failed> FileSource::read() const {
  const auto text = read_file(path_);
  if (text.has_error()) return Failed{path_ + ": cannot be read: " + text.error().message()};
  if (text->find_first_not_of(" \t\r\n") == std::string::npos) {
    return Failed{path_ + ": is empty, perhaps while it is being written; for no sandboxes write `sandboxes: {}`"};
  }
  auto loaded = config::load_records(*text, path_);
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&loaded)) return to_failed(*problems);

  Contents contents;
  for (auto& record : std::get<std::vector<config::RecordText>>(loaded)) {
    const auto id = SandboxId::parse(record.id);
    if (!id) {
      contents.bad_keys.emplace(std::move(record.id), record.line);
      continue;
    }
    const auto [it, is_new] =
        contents.records.try_emplace(std::string(id->view()), Record{*id, std::move(record.json), record.line});
    if (!is_new) {
      return Failed{where(record.line) + ": sandboxes." + it->first + ": is given twice, first on line " +
                    std::to_string(it->second.line) + " (case does not count)"};
    }
  }
  return contents;
}

void FileSource::apply_records(const Records& records) {
  for (const auto& [key, old] : contents_.records) {
    if (!records.contains(key)) registry_.remove(old.id);
  }
  registry_.table().reserve(records.size());
  for (const auto& [key, record] : records) {
    const auto old = contents_.records.find(key);
    if (old != contents_.records.end() && old->second.json == record.json) continue;
    registry_.put(record.id, record.json, where(record.line));
  }
}

void FileSource::apply_bad_keys(const std::map<std::string, int>& keys) {
  for (const auto& [key, line] : contents_.bad_keys) {
    if (!keys.contains(key)) registry_.forget_rejected(key);
  }
  for (const auto& [key, line] : keys) {
    if (contents_.bad_keys.contains(key)) continue;
    registry_.reject(key, {"sandbox_id", "the key must be 1 to 63 letters and digits (" + where(line) + ")"});
  }
}

void FileSource::plan_expiry() {
  expiries_.clear();
  for (const auto& [key, record] : contents_.records) {
    // The table keeps figures of every id that was looked up: only those that may expire are.
    if (record.json.find("\"expires_at\"") == std::string::npos) continue;
    const auto lookup = registry_.table().find(record.id);
    if (lookup.route && lookup.route->expires_at) expiries_.push_back({*lookup.route->expires_at, record.id});
  }
  std::ranges::sort(expiries_, std::ranges::greater{}, &Expiry::at);
}

std::optional<Source::Failed> FileSource::expire(std::chrono::system_clock::time_point now) {
  for (; !expiries_.empty() && expiries_.back().at <= now; expiries_.pop_back()) {
    registry_.remove(expiries_.back().id);
  }
  return std::nullopt;
}

boost::system::result<std::optional<std::string>, Source::Failed> FileSource::get(const SandboxId& id) {
  const auto it = contents_.records.find(id.view());
  if (it == contents_.records.end()) return std::optional<std::string>();
  return std::optional(it->second.json);
}

boost::system::result<std::vector<Source::Entry>, Source::Failed> FileSource::list(std::string_view after,
                                                                                   std::size_t limit) {
  std::vector<Entry> entries;
  const auto& records = contents_.records;
  for (auto it = records.upper_bound(after); it != records.end() && entries.size() < limit; ++it) {
    entries.push_back({it->first, it->second.json});
  }
  return entries;
}

}  // namespace sandgate::proxy::registry

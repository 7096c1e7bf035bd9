#include <config/text_check.hpp>
#include <config/yaml_events.hpp>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>
#include <utility>
#include <vector>

namespace sandgate::config {
namespace {

/// Reads a text in place: std::istringstream would copy it.
class TextBuffer : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // only ever read: nothing is put back that was not there
    setg(begin, begin, begin + text.size());
  }
};

// The usual cause of an error that YAML itself can only describe from its own point of view: an IPv6 address, a colon.
constexpr std::string_view kQuotingHint = R"( (a text that begins with [ or {, or holds ": ", belongs in quotes))";

Position position_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

/// yaml-cpp has no other way to be stopped.
[[noreturn]] void refuse(const YAML::Mark& mark, std::string text) {
  throw YamlRefusal{position_of(mark), std::move(text)};
}

/// Tells keys from values, and refuses what the dialect leaves out.
class Dialect : public YAML::EventHandler {
 public:
  explicit Dialect(YamlEvents& events) : events_(events) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) refuse(mark, "holds a second document; remove everything from this \"---\" on");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (expects_key()) refuse(mark, "has a key that is null; put it in quotes if the word is meant");
    events_.on_null(position_of(mark));
    value_is_complete();
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "uses an alias; aliases and merge keys are not supported, write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& text) override {
    const bool plain = tag == "?";
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") refuse_tag(mark, tag);
    if (expects_key()) {
      events_.on_key(position_of(mark), text);
      open_.back() = State::value;
      return;
    }
    events_.on_scalar(position_of(mark), text,
                      plain ? YamlEvents::ScalarStyle::plain : YamlEvents::ScalarStyle::quoted);
    value_is_complete();
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    start(mark, tag, YamlEvents::Collection::list);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    start(mark, tag, YamlEvents::Collection::map);
  }
  void OnMapEnd() override { end(); }

 private:
  /// What the innermost open collection waits for.
  enum class State : std::uint8_t { item, key, value };

  bool expects_key() const { return !open_.empty() && open_.back() == State::key; }

  void value_is_complete() {
    if (!open_.empty() && open_.back() == State::value) open_.back() = State::key;
  }

  void start(const YAML::Mark& mark, const std::string& tag, YamlEvents::Collection collection) {
    if (tag != "?" && tag != "!") refuse_tag(mark, tag);
    if (expects_key()) refuse(mark, "has a key that is a map or a list; keys are text");
    events_.on_start(position_of(mark), collection);
    open_.push_back(collection == YamlEvents::Collection::map ? State::key : State::item);
  }

  void end() {
    open_.pop_back();
    events_.on_end();
    value_is_complete();
  }

  [[noreturn]] static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    refuse(mark, "uses the tag " + quoted(tag) + "; tags are not supported, remove it");
  }

  YamlEvents& events_;
  std::vector<State> open_;
  int documents_ = 0;
};

Position position_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
  return {static_cast<int>(std::ranges::count(before, '\n')) + 1, static_cast<int>(offset - line_start) + 1};
}

}  // namespace

std::optional<Problem> parse_yaml(std::string_view yaml, const std::string& file, YamlEvents& events) {
  const auto problem = [&](Position at, std::string text) {
    return Problem{file, at.line, at.column, {}, std::move(text)};
  };
  if (const auto offset = find_unprintable(yaml)) {
    return problem(position_at(yaml, *offset),
                   "holds a byte that is not printable UTF-8; save the file as UTF-8 without control characters");
  }
  try {
    TextBuffer buffer(yaml);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    Dialect dialect(events);
    while (parser.HandleNextDocument(dialect)) {
    }
  } catch (const YamlRefusal& refusal) {
    return problem(refusal.at, refusal.text);
  } catch (const YAML::Exception& error) {
    return problem(position_of(error.mark), "is not valid YAML: " + error.msg + std::string(kQuotingHint));
  }
  return std::nullopt;
}

}  // namespace sandgate::config

#include <config/json_path.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace sandgate::config {
namespace {

namespace json = boost::json;

constexpr const char* kWantedName = "must have a name after each dot, of letters, digits, - and _; others in [\"…\"]";
constexpr const char* kWantedBracket = "must have a number, \"a key\", or key=value between [ and ]";
constexpr std::size_t kMaxEmbeddedDepth = 32;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string_view name_at_start(std::string_view text) {
  const auto end = std::ranges::find_if_not(text, is_name_character);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

/// Where the bracket that `text` begins with ends: a closing one outside of quotes. npos: it does not.
std::size_t bracket_end(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ']') {
      return i;
    }
  }
  return std::string_view::npos;
}

bool is_quoted(std::string_view text) {
  constexpr std::size_t kQuotes = 2;
  return text.size() > kQuotes && (text.front() == '"' || text.front() == '\'') && text.back() == text.front() &&
         text.find(text.front(), 1) == text.size() - 1;
}

std::string_view without_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  return text;
}

std::optional<std::string> to_text(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(text->data(), text->size());
  if (value.is_null() || value.is_structured()) return std::nullopt;
  return json::serialize(value);
}

}  // namespace

std::variant<JsonPath::Step, std::string> JsonPath::parse_bracket(std::string_view inside) {
  if (is_quoted(inside)) return Step(Key{std::string(inside.substr(1, inside.size() - 2))});
  std::size_t index = 0;
  const char* const end = inside.data() + inside.size();
  const auto number = std::from_chars(inside.data(), end, index);
  if (number.ec == std::errc{} && number.ptr == end) return Step(Item{index});
  const auto equals = inside.find('=');
  const std::string_view key = inside.substr(0, equals);
  if (equals == std::string_view::npos || key.empty() || name_at_start(key) != key) return std::string(kWantedBracket);
  const std::string_view value = inside.substr(equals + 1);
  if (is_quoted(value)) return Step(Match{std::string(key), std::string(value.substr(1, value.size() - 2))});
  if (value.empty() || name_at_start(value) != value) return std::string(kWantedBracket);
  return Step(Match{std::string(key), std::string(value)});
}

std::variant<JsonPath, std::string> JsonPath::parse(std::string_view text) {
  JsonPath path;
  bool is_name_due = true;  // At the start, after a dot and after a bar.
  bool is_bracket_fine = true;
  while (!text.empty()) {
    if (path.steps_.size() == kMaxSteps) return std::string("must not have more than 32 steps");
    if (text.front() == '[' && is_bracket_fine) {
      const auto end = bracket_end(text);
      if (end == std::string_view::npos) return std::string(kWantedBracket);
      auto step = parse_bracket(text.substr(1, end - 1));
      if (auto* problem = std::get_if<std::string>(&step)) return std::move(*problem);
      path.steps_.push_back(std::get<Step>(std::move(step)));
      text.remove_prefix(end + 1);
      is_name_due = false;
    } else if (is_name_due) {
      const auto name = name_at_start(text);
      if (name.empty()) return std::string(kWantedName);
      path.steps_.emplace_back(Key{std::string(name)});
      text.remove_prefix(name.size());
      is_name_due = false;
      is_bracket_fine = true;
    } else if (text.front() == '.') {
      text.remove_prefix(1);
      is_name_due = true;
      is_bracket_fine = false;
      if (text.empty()) return std::string(kWantedName);
    } else if (without_spaces(text).starts_with('|')) {
      text = without_spaces(without_spaces(text).substr(1));
      path.steps_.emplace_back(Embedded{});
      is_name_due = true;
      if (text.empty()) return std::string(kWantedName);
    } else {
      return std::string(kWantedName);
    }
  }
  if (path.steps_.empty()) return std::string("must be a path such as status.podIP");
  return path;
}

const json::value* JsonPath::follow(const Step& step, const json::value& from) {
  if (const auto* key = std::get_if<Key>(&step)) {
    const auto* object = from.if_object();
    return object == nullptr ? nullptr : object->if_contains(key->name);
  }
  const auto* array = from.if_array();
  if (array == nullptr) return nullptr;
  if (const auto* item = std::get_if<Item>(&step)) return array->if_contains(item->index);
  const auto* match = std::get_if<Match>(&step);
  if (match == nullptr) return nullptr;
  const auto* const found = std::ranges::find_if(*array, [&](const json::value& one) {
    const auto* object = one.if_object();
    const auto* value = object == nullptr ? nullptr : object->if_contains(match->key);
    return value != nullptr && to_text(*value) == match->value;
  });
  return found == array->end() ? nullptr : found;
}

std::optional<std::string> JsonPath::find(const json::value& root) const {
  json::value embedded;
  const json::value* at = &root;
  for (const Step& step : steps_) {
    if (!std::holds_alternative<Embedded>(step)) {
      at = follow(step, *at);
    } else {
      const auto* text = at->if_string();
      if (text == nullptr) return std::nullopt;
      boost::system::error_code error;
      json::parse_options options;
      options.max_depth = kMaxEmbeddedDepth;
      json::value parsed = json::parse(*text, error, {}, options);
      if (error) return std::nullopt;
      embedded = std::move(parsed);
      at = &embedded;
    }
    if (at == nullptr) return std::nullopt;
  }
  return to_text(*at);
}

}  // namespace sandgate::config

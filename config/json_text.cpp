#include <config/json_text.hpp>

#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

namespace sandgate::config {
namespace {

/// A number whose text is the one it would be written as again: no digit, sign or zero can get lost in it.
template <class Number>
bool reads_back(std::string_view text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc{} || read.ptr != end) return false;
  std::array<char, 32> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return written.ec == std::errc{} && text == std::string_view(buffer.data(), written.ptr);
}

/// JSON's numbers without exponent. The first character also keeps from_chars' "inf" and "nan" out.
bool is_exact_number(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return false;
  if (text.find('.') == std::string_view::npos) return reads_back<std::int64_t>(text);
  return text.find('e') == std::string_view::npos && reads_back<double>(text);
}

/// The word JSON has for a plain scalar, empty when it has none.
std::string_view json_word(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return "true";
  if (text == "false" || text == "False" || text == "FALSE") return "false";
  return is_exact_number(text) ? text : std::string_view{};
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte < 0x20) {
      out.append("\\u00").append({kHex[byte >> 4U], kHex[byte & 0x0FU]});
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void JsonText::key(Position at, const std::string& text) {
  separate();
  if (!open_.back().keys.insert(text).second && error_.empty()) {
    error_ = "the key " + quoted(text) + " is given a second time on line " + std::to_string(at.line);
  }
  append_json_string(out_, text);
  out_.push_back(':');
}

void JsonText::null() {
  begin_value();
  out_.append("null");
}

void JsonText::scalar(const std::string& text, YamlEvents::ScalarStyle style) {
  begin_value();
  const auto word = style == YamlEvents::ScalarStyle::plain ? json_word(text) : std::string_view{};
  if (word.empty()) {
    append_json_string(out_, text);
  } else {
    out_.append(word);
  }
}

void JsonText::start(YamlEvents::Collection collection) {
  begin_value();
  out_.push_back(collection == YamlEvents::Collection::map ? '{' : '[');
  open_.push_back({collection, {}, true});
}

void JsonText::end() {
  out_.push_back(open_.back().collection == YamlEvents::Collection::map ? '}' : ']');
  open_.pop_back();
}

std::string JsonText::take() {
  // A copy of just the right size: there are a million of these, and the buffer is reused for the next.
  std::string text = error_.empty() ? out_ : std::string{};
  out_.clear();
  error_.clear();
  open_.clear();
  return text;
}

void JsonText::separate() {
  if (!std::exchange(open_.back().is_empty, false)) out_.push_back(',');
}

/// The value of a key follows its colon, an item of a list its comma.
void JsonText::begin_value() {
  if (!open_.empty() && open_.back().collection == YamlEvents::Collection::list) separate();
}

}  // namespace sandgate::config

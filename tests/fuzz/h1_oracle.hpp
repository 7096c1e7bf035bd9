// h1_oracle: a second opinion on HTTP/1, for the fuzzers only.
//
// It takes the text apart by searching and copying, without the tables and the single pass of proxy/http, so that a
// slip there is not repeated here. Slow and simple on purpose. `check` aborts, which is how a fuzzer fails.
#pragma once

#include <proxy/http/h1_head.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::fuzz {

inline void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return result;
}

inline bool only(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

inline constexpr std::string_view kTchars =
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

inline bool is_token(std::string_view text) { return !text.empty() && only(text, kTchars); }

inline bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 32 && byte != 9) || byte == 127;
  });
}

inline std::string trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

inline std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

/// Where the head in `bytes` ends; 0 when it is not whole, nothing when it cannot become one.
inline std::optional<std::size_t> head_end(std::string_view bytes) {
  const std::size_t skipped = bytes.starts_with("\r\n") ? 2 : 0;
  const std::string_view head = bytes.substr(skipped);
  if (skipped > 0 && head.starts_with("\r\n")) return std::nullopt;
  const std::size_t blank = head.find("\r\n\r\n");
  const bool is_whole = blank != std::string_view::npos;
  std::string text(head.substr(0, is_whole ? blank + 4 : blank));
  if (!is_whole && text.ends_with('\r')) text.pop_back();
  for (const std::string& line : split(text, "\r\n")) {
    if (has_control(line)) return std::nullopt;
  }
  return is_whole ? skipped + blank + 4 : 0;
}

/// Field lines by lower-case name, in order; nothing when one is malformed. `lines` without the blank one.
struct OracleFields {
  std::map<std::string, std::vector<std::string>> by_name;
  std::size_t count = 0;

  std::size_t times(const std::string& name) const {
    const auto found = by_name.find(name);
    return found == by_name.end() ? 0 : found->second.size();
  }
  const std::string& first(const std::string& name) const { return by_name.at(name).front(); }
  /// All elements of all lines of a list field, lower case.
  std::vector<std::string> elements(const std::string& name) const {
    std::vector<std::string> all;
    if (times(name) == 0) return all;
    for (const std::string& line : by_name.at(name)) {
      for (const std::string& element : split(line, ",")) all.push_back(lower(trim(element)));
    }
    return all;
  }
  bool lists(const std::string& name, const std::string& wanted) const {
    const auto all = elements(name);
    return std::find(all.begin(), all.end(), wanted) != all.end();
  }
};

inline std::optional<OracleFields> read_fields(const std::vector<std::string>& lines) {
  OracleFields fields;
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || !is_token(line.substr(0, colon)) || has_control(line)) return std::nullopt;
    fields.by_name[lower(line.substr(0, colon))].push_back(trim(line.substr(colon + 1)));
    ++fields.count;
  }
  return fields;
}

/// Content-Length as a number; nothing when it is none, or over 2^63-1.
inline std::optional<std::uint64_t> read_length(const std::string& text) {
  if (text.empty() || !only(text, "0123456789")) return std::nullopt;
  const std::string digits = text.substr(std::min(text.find_first_not_of('0'), text.size() - 1));
  const std::string_view kMax = "9223372036854775807";
  if (digits.size() > kMax.size() || (digits.size() == kMax.size() && digits > kMax)) return std::nullopt;
  return std::stoull(digits);
}

/// "none", "chunked", a number, or "bad".
inline std::string read_framing(const OracleFields& fields, bool is_1_1) {
  const std::size_t lengths = fields.times("content-length");
  const std::size_t codings = fields.times("transfer-encoding");
  if (lengths + codings == 0) return "none";
  if (lengths + codings > 1) return "bad";
  if (codings == 1) return is_1_1 && lower(fields.first("transfer-encoding")) == "chunked" ? "chunked" : "bad";
  const auto length = read_length(fields.first("content-length"));
  return length ? std::to_string(*length) : "bad";
}

/// The head cut at "\r\n": start line, field lines, and two empty parts after them. A leading empty line is taken off.
inline std::vector<std::string> lines_of(std::string_view block) {
  if (block.starts_with("\r\n")) block.remove_prefix(2);
  std::vector<std::string> lines = split(block, "\r\n");
  check(lines.size() >= 3 && lines.back().empty(), "a whole head ends in a blank line");
  lines.resize(lines.size() - 2);
  return lines;
}

inline bool same_fields(const proxy::http::Fields& a, const proxy::http::Fields& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.name == y.name && x.value == y.value; });
}

}  // namespace sandgate::fuzz

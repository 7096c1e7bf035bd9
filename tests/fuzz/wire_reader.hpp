// wire_reader: what the edge wrote, read by nothing of the edge's: HTTP/1 as strict as it can be written.
//
// The edge rebuilds every message, so there is one spelling: `name: value`, CRLF, one framing field, chunk sizes in bare
// hexadecimal. Any other byte aborts. A message may stop anywhere (its connection was cut), but what is there of it
// must be the beginning of one.
#pragma once

#include <tests/fuzz/h1_oracle.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandgate::fuzz {

using WireFields = std::vector<std::pair<std::string, std::string>>;

struct WireHead {
  std::string start;  ///< Request or status line.
  WireFields fields;

  std::size_t count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::count_if(fields.begin(), fields.end(), [&](const auto& field) { return lower(field.first) == name; }));
  }
  std::string value(std::string_view name) const {
    for (const auto& [key, value] : fields) {
      if (lower(key) == name) return value;
    }
    return {};
  }
};

struct WireBody {
  std::string bytes;
  WireFields trailers;
  bool is_whole = false;
};

inline WireFields read_wire_fields(const std::vector<std::string>& lines) {
  WireFields fields;
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(": ");
    check(colon != std::string::npos && is_token(line.substr(0, colon)), "a field line is `name: value`");
    const std::string value = line.substr(colon + 2);
    check(trim(value) == value && !has_control(value), "a value is written without space around it or controls");
    fields.emplace_back(line.substr(0, colon), value);
  }
  return fields;
}

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  bool is_at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  /// The next head; nothing when it is not whole.
  std::optional<WireHead> head() {
    const auto block = take_through("\r\n\r\n");
    if (!block) return std::nullopt;
    std::vector<std::string> lines = split(block->substr(0, block->size() - 4), "\r\n");
    WireHead head{lines.front(), {}};
    check(!has_control(head.start), "no control byte in a start line");
    head.fields = read_wire_fields({lines.begin() + 1, lines.end()});
    check(head.count("content-length") + head.count("transfer-encoding") <= 1, "one framing");
    return head;
  }

  /// The body that `head` announces; without framing there is none.
  WireBody framed_body(const WireHead& head) {
    if (head.count("transfer-encoding") == 1) {
      check(head.value("transfer-encoding") == "chunked", "the one coding is chunked");
      return chunked_body();
    }
    if (head.count("content-length") == 0) return {{}, {}, true};
    const auto length = read_length(head.value("content-length"));
    check(length.has_value(), "a length is a number");
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(*length, rest_.size()));
    WireBody body{std::string(rest_.substr(0, size)), {}, size == *length};
    rest_.remove_prefix(size);
    return body;
  }
  /// Everything that is left.
  WireBody open_body() { return {std::string(std::exchange(rest_, {})), {}, true}; }

 private:
  WireBody chunked_body() {
    WireBody body;
    while (const auto line = take_through("\r\n")) {
      const std::string digits(line->substr(0, line->size() - 2));
      check(!digits.empty() && digits.size() <= 8 && only(digits, "0123456789abcdef"), "a bare chunk size");
      const std::size_t size = std::stoul(digits, nullptr, 16);
      if (size == 0) {
        read_trailers(body);
        return body;
      }
      const std::size_t here = std::min(size, rest_.size());
      body.bytes.append(rest_.substr(0, here));
      rest_.remove_prefix(here);
      const std::string_view end = rest_.substr(0, 2);
      check(std::string_view("\r\n").starts_with(end), "CRLF after a chunk");
      rest_.remove_prefix(end.size());
      if (end.size() < 2) return body;
    }
    return body;
  }
  void read_trailers(WireBody& body) {
    std::vector<std::string> lines;
    while (const auto line = take_through("\r\n")) {
      if (line->size() == 2) {
        body.trailers = read_wire_fields(lines);
        body.is_whole = true;
        return;
      }
      lines.emplace_back(line->substr(0, line->size() - 2));
    }
  }
  /// Up to and with `end`; what is only its beginning is all taken.
  std::optional<std::string_view> take_through(std::string_view end) {
    const std::size_t at = rest_.find(end);
    if (at == std::string_view::npos) {
      check_begun(std::exchange(rest_, {}));
      return std::nullopt;
    }
    const std::string_view taken = rest_.substr(0, at + end.size());
    rest_.remove_prefix(taken.size());
    return taken;
  }
  static void check_begun(std::string_view bytes) {
    std::string text(bytes);
    if (text.ends_with('\r')) text.pop_back();
    for (const std::string& line : split(text, "\r\n")) check(!has_control(line), "what was begun is text");
  }

  std::string_view rest_;
};

}  // namespace sandgate::fuzz

// exchange_said: what both peers said over HTTP/1, read by a naive reader: which requests a client made and which
// responses a sandbox gave, one behind the other. What was served must be just these (no smuggled request, no answer
// that nobody gave). It knows nothing of the edge's parsers but what is in h1_oracle.
#pragma once

#include <tests/fuzz/exchange_record.hpp>
#include <tests/support/h2_frames.hpp>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::fuzz {

struct SaidBody {
  std::string bytes;
  bool is_whole = false;
};

/// A chunked body at the front of `rest`, which is moved behind it.
inline SaidBody read_said_chunks(std::string_view& rest) {
  SaidBody body;
  for (;;) {
    const std::size_t line_end = rest.find("\r\n");
    if (line_end == std::string_view::npos) return body;
    const std::string digits = trim(rest.substr(0, std::min(line_end, rest.find(';'))));
    if (digits.empty() || digits.size() > 8 || !only(digits, "0123456789abcdefABCDEF")) return body;
    const std::size_t size = std::stoul(digits, nullptr, 16);
    rest.remove_prefix(line_end + 2);
    if (size == 0) break;
    body.bytes.append(rest.substr(0, size));
    if (rest.size() < size + 2 || rest.substr(size, 2) != "\r\n") return body;
    rest.remove_prefix(size + 2);
  }
  const std::size_t end = rest.starts_with("\r\n") ? 0 : rest.find("\r\n\r\n");
  body.is_whole = end != std::string_view::npos;
  rest.remove_prefix(body.is_whole ? end + (end == 0 ? 2 : 4) : rest.size());
  return body;
}

/// A body of the framing `read_framing` gave.
inline SaidBody read_said_body(std::string_view& rest, const std::string& framing) {
  if (framing == "none") return {{}, true};
  if (framing == "chunked") return read_said_chunks(rest);
  const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(std::stoull(framing), rest.size() + 1));
  const SaidBody body{std::string(rest.substr(0, length)), length <= rest.size()};
  rest.remove_prefix(body.bytes.size());
  return body;
}

struct SaidHead {
  std::vector<std::string> words;  ///< Of its first line.
  std::string framing;
};

/// A head at the front of `rest`, which is moved behind it; nothing when there is none that can be taken.
inline std::optional<SaidHead> read_said_head(std::string_view& rest, std::size_t version_word) {
  const auto end = head_end(rest);
  if (!end || *end == 0) return std::nullopt;
  const std::vector<std::string> lines = lines_of(rest.substr(0, *end));
  SaidHead head{split(lines.front(), " "), {}};
  const auto fields = read_fields({lines.begin() + 1, lines.end()});
  if (!fields || head.words.size() <= version_word) return std::nullopt;
  head.framing = read_framing(*fields, head.words[version_word] != "HTTP/1.0");
  if (head.framing == "bad") return std::nullopt;
  rest.remove_prefix(*end);
  return head;
}

/// The exchanges of an HTTP/1 client are the requests it made, in order, as far as they are any.
inline void check_said_requests(std::string_view said, const std::deque<const RecordedExchange*>& exchanges) {
  bool is_over = false;
  for (const RecordedExchange* exchange : exchanges) {
    check(!is_over, "nothing is served after the last request");
    is_over = exchange->is_refused || (exchange->finals() > 0 && exchange->responses.back().start == "101");
    if (exchange->is_refused) continue;
    const auto head = read_said_head(said, 2);
    check(head && head->words.size() == 3, "what is served was said");
    const std::string& target = head->words[1];
    const bool is_absolute = target[0] != '/' && target != "*";
    check(head->words[0] == exchange->method, "its method");
    check(is_absolute || head->words[0] + " " + target == exchange->request.start, "its target");
    const SaidBody body = read_said_body(said, head->framing);
    is_over = is_over || !body.is_whole;
    for (const RecordedTry& one : exchange->tries) {
      const bool is_tunnel = !one.responses.empty() && one.responses.back().start == "101";
      if (is_tunnel) continue;
      check(body.bytes.starts_with(one.request_body.bytes), "its body");
      check(!one.request_body.is_whole || (body.is_whole && body.bytes == one.request_body.bytes), "all of it");
    }
  }
}

/// What was taken for the answers to `tries`, which were made over one connection, is what was said there.
inline void check_said_answers(std::string_view said, const std::vector<const RecordedTry*>& tries) {
  for (const RecordedTry* one : tries) {
    for (const RecordedHead& recorded : one->responses) {
      const auto head = read_said_head(said, 0);
      check(head && head->words[1] == recorded.start, "an answer is one that was said");
      if (recorded.is_interim) continue;
      const bool is_bodyless =
          one->request.start.starts_with("HEAD ") || recorded.start == "204" || recorded.start == "304";
      const bool is_open = recorded.start == "101" || head->framing == "none";
      const SaidBody body = is_bodyless ? SaidBody{{}, true}
                            : is_open   ? SaidBody{std::string(std::exchange(said, {})), true}
                                        : read_said_body(said, head->framing);
      check(body.bytes.starts_with(one->response_body.bytes), "with its own body");
      check(!one->response_body.is_whole || (body.is_whole && body.bytes == one->response_body.bytes), "and all of it");
    }
  }
}

/// What a sandbox that speaks HTTP/2 said as DATA on a stream, as far as its frames are whole.
inline std::string read_said_data(std::string_view said, std::uint32_t stream) {
  using proxy::tests::kFrameHeaderBytes;
  using proxy::tests::read_number;
  std::string bytes;
  while (said.size() >= kFrameHeaderBytes) {
    const std::size_t size = read_number(said.substr(0, 3));
    const bool is_data = said[3] == static_cast<char>(proxy::tests::FrameType::data);
    const bool is_padded = (static_cast<std::uint8_t>(said[4]) & proxy::tests::kPadded) != 0;
    const std::uint32_t id = read_number(said.substr(5, 4)) & 0x7fffffff;
    if (said.size() < kFrameHeaderBytes + size) break;
    std::string_view payload = said.substr(kFrameHeaderBytes, size);
    said.remove_prefix(kFrameHeaderBytes + size);
    if (!is_data || id != stream) continue;
    if (is_padded && !payload.empty()) {
      const std::size_t padding = static_cast<std::uint8_t>(payload.front());
      payload = padding < payload.size() ? payload.substr(1, payload.size() - 1 - padding) : std::string_view{};
    }
    bytes += payload;
  }
  return bytes;
}

}  // namespace sandgate::fuzz

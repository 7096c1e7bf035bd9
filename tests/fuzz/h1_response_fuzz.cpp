// Responses: what the parser accepts is what a naive reader of the grammar accepts, with the same framing, and what is
// written again reads as the same head. The first byte says what was asked: 1 HEAD, 2 a WebSocket, else a GET.
#include <proxy/http/h1_head.hpp>
#include <proxy/http/h1_write.hpp>
#include <tests/fuzz/h1_oracle.hpp>

#include <cstddef>
#include <cstdint>

namespace sandgate::fuzz {
namespace {

using namespace proxy::http;

constexpr HeadLimits kLimits{2048, 16, 0};

struct Expected {
  std::uint16_t status;
  std::string body;  ///< "none", "chunked", "until_end", or a number.
};

std::optional<std::uint16_t> read_status(const std::string& line) {
  const std::string version = line.substr(0, 9);
  if (version != "HTTP/1.0 " && version != "HTTP/1.1 ") return std::nullopt;
  const std::string rest = line.substr(9);
  const std::string code = rest.substr(0, rest.find(' '));
  if (code.size() != 3 || !only(code, "0123456789") || code < "100" || code > "599") return std::nullopt;
  if (has_control(rest)) return std::nullopt;
  return static_cast<std::uint16_t>(std::stoi(code));
}

std::optional<Expected> expected(std::string_view block, const ResponseContext& context) {
  if (block.starts_with("\r\n") || block.size() > kLimits.head_bytes) return std::nullopt;
  const std::vector<std::string> lines = lines_of(block);
  const auto status = read_status(lines.front());
  const auto fields = read_fields({lines.begin() + 1, lines.end()});
  if (!status || !fields || fields->count > kLimits.fields) return std::nullopt;
  const bool is_1_1 = lines.front()[7] == '1';
  const std::string framing = read_framing(*fields, is_1_1);
  if (framing == "bad") return std::nullopt;
  if (*status == 101) {
    const bool is_asked_for = is_1_1 && !context.upgrade.empty() && fields->times("upgrade") == 1 &&
                              lower(fields->first("upgrade")) == lower(context.upgrade);
    if (!is_asked_for || !fields->lists("connection", "upgrade")) return std::nullopt;
    return Expected{*status, "until_end"};
  }
  const bool is_bodyless = *status < 200 || *status == 204 || *status == 304 || context.is_head_request;
  if (is_bodyless) return Expected{*status, "none"};
  return Expected{*status, framing == "none" ? "until_end" : framing};
}

std::string describe(BodyLength body) {
  switch (body.kind) {
    case BodyLength::Kind::none:
      return "none";
    case BodyLength::Kind::chunked:
      return "chunked";
    case BodyLength::Kind::until_end:
      return "until_end";
    case BodyLength::Kind::length:
      break;
  }
  return std::to_string(body.length);
}

void check_written_again(const ResponseHead& head, const ResponseContext& context) {
  std::string written;
  write_status_line(written, head.status, head.reason);
  write_fields(written, head.fields);
  write_framing(written, head.body);
  written += "\r\n";
  const HeadEnd end = find_head_end(written, 0);
  check(end.state == HeadEnd::State::complete && end.size == written.size(), "what is written is one head");
  ResponseHead again;
  const HeadLimits limits{2 * kLimits.head_bytes, kLimits.fields + 1, 0};
  check(parse_response(written, limits, context, again).has_value(), "what is written is accepted");
  check(again.status == head.status && again.body == head.body, "status and framing are the same");
  check(same_fields(again.fields, head.fields), "the fields are the same");
  check(head.reason.empty() || again.reason == head.reason, "the reason is the same");
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const ResponseContext context{data[0] == 1, data[0] == 2 ? "websocket" : ""};
  const HeadEnd end = find_head_end(bytes, 0);
  const bool is_head = end.state == HeadEnd::State::complete;
  ResponseHead head;
  if (!is_head || end.size < bytes.size()) {
    check(parse_response(bytes, kLimits, context, head).has_error(), "not one head");
  }
  if (!is_head) return 0;

  const std::string_view block = bytes.substr(0, end.size);
  const bool is_valid = parse_response(block, kLimits, context, head).has_value();
  const auto want = expected(block, context);
  check(is_valid == want.has_value(), "the parser and the grammar agree on what is valid");
  if (!is_valid) return 0;
  check(head.status == want->status, "the status is the same");
  check(describe(head.body) == want->body, "the parser and the grammar agree on the framing");
  check(want->body != "until_end" || !head.keep_alive, "a response that ends with the connection ends it");
  check(head.fields.count("transfer-encoding") == 0, "a coding never stays in the fields");
  check_written_again(head, context);
  return 0;
}

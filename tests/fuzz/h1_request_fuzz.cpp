// Requests: what the parser accepts is what a naive reader of the grammar accepts, with the same framing; however the
// bytes are cut, the head ends at the same place; and an accepted head that is written again reads as the same head.
#include <proxy/http/h1_head.hpp>
#include <proxy/http/h1_write.hpp>
#include <routing/authority.hpp>
#include <tests/fuzz/h1_oracle.hpp>

#include <cstddef>
#include <cstdint>

namespace sandgate::fuzz {
namespace {

using namespace proxy::http;

constexpr HeadLimits kLimits{2048, 16, 512};

/// What the naive reader makes of a head: the framing when it is acceptable, else nothing.
std::optional<std::string> expected_framing(std::string_view block) {
  const std::vector<std::string> lines = lines_of(block);
  const std::vector<std::string> words = split(lines.front(), " ");
  if (words.size() != 3 || !is_token(words[0]) || words[0].size() > 64) return std::nullopt;
  const std::string& method = words[0];
  const std::string& target = words[1];
  const std::string& version = words[2];
  if (target.empty() || target.size() > kLimits.target_bytes || has_control(target)) return std::nullopt;
  if (std::any_of(target.begin(), target.end(), [](char c) { return c < 0 || c == '#' || c == '\t'; })) {
    return std::nullopt;
  }
  if (version.size() != 8 || version.substr(0, 7) != "HTTP/1." || !only(version.substr(7), "0123456789")) {
    return std::nullopt;
  }
  if (method == "CONNECT" || method == "TRACE" || block.size() > kLimits.head_bytes) return std::nullopt;

  const auto fields = read_fields({lines.begin() + 1, lines.end()});
  if (!fields || fields->count > kLimits.fields || fields->times("host") != 1) return std::nullopt;
  const std::string& host = fields->first("host");
  if (!routing::split_authority(host)) return std::nullopt;
  if (target[0] != '/' && !(target == "*" && method == "OPTIONS")) {
    const std::size_t scheme_end = target.find("://");
    if (scheme_end == std::string::npos) return std::nullopt;
    const std::string scheme = lower(target.substr(0, scheme_end));
    if (scheme != "http" && scheme != "https") return std::nullopt;
    const std::string after = target.substr(scheme.size() + 3);
    const std::string authority = after.substr(0, after.find_first_of("/?"));
    if (!routing::split_authority(authority) || !routing::same_authority(authority, host)) return std::nullopt;
  }
  const bool is_1_1 = version != "HTTP/1.0";
  const std::string framing = read_framing(*fields, is_1_1);
  const std::size_t expectations = fields->times("expect");
  if (framing == "bad") return std::nullopt;
  if (is_1_1 && expectations > 1) return std::nullopt;
  if (is_1_1 && expectations == 1 && lower(fields->first("expect")) != "100-continue") return std::nullopt;
  return framing == "0" ? "none" : framing;
}

std::string framing_of(BodyLength body) {
  if (body.kind == BodyLength::Kind::length) return std::to_string(body.length);
  return body.kind == BodyLength::Kind::chunked ? "chunked" : "none";
}

void check_connection(std::string_view block, const RequestHead& head) {
  const std::vector<std::string> lines = lines_of(block);
  const auto fields = read_fields({lines.begin() + 1, lines.end()});
  const bool is_1_1 = head.version == Version::http_1_1;
  const bool closes = fields->lists("connection", "close");
  const bool stays = is_1_1 || fields->lists("connection", "keep-alive");
  check(head.keep_alive == (stays && !closes), "keep_alive is what Connection says");
  if (head.upgrade.empty()) return;
  check(is_1_1 && fields->lists("connection", "upgrade"), "an upgrade is asked for in Connection");
  check(fields->lists("upgrade", lower(head.upgrade)), "an upgrade is one that was offered");
  check(lower(head.upgrade).substr(0, head.upgrade.find('/')) != "h2c", "h2c is never forwarded");
  check(head.body.kind == BodyLength::Kind::none, "an upgrade has no body");
}

void check_written_again(const RequestHead& head) {
  std::string written;
  if (head.version == Version::http_1_1) {
    write_request_line(written, head.method, head.target);
  } else {
    written.append(head.method).append(" ").append(head.target).append(" HTTP/1.0\r\n");
  }
  write_field(written, "Host", head.authority);
  write_fields(written, head.fields);
  written += "\r\n";
  const HeadEnd end = find_head_end(written, 0);
  check(end.state == HeadEnd::State::complete && end.size == written.size(), "what is written is one head");
  RequestHead again;
  const HeadLimits limits{2 * kLimits.head_bytes, kLimits.fields, kLimits.target_bytes};
  check(parse_request(written, limits, again).has_value(), "what is written is accepted");
  check(again.method == head.method && again.target == head.target, "the request line is the same");
  check(again.authority == head.authority && same_fields(again.fields, head.fields), "the fields are the same");
  check(again.version == head.version && again.body == head.body, "the framing is the same");
  check(again.keep_alive == head.keep_alive && again.upgrade == head.upgrade, "the connection is the same");
  check(again.expects_continue == head.expects_continue, "the expectation is the same");
}

void check_end(std::string_view bytes, const HeadEnd& whole) {
  const auto expected = head_end(bytes);
  check((whole.state == HeadEnd::State::malformed) == !expected, "malformed bytes are malformed");
  check(whole.size == expected.value_or(0), "the head ends at its blank line");
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const HeadEnd end = find_head_end(bytes.substr(0, size), size - 1);
    if (end.state == HeadEnd::State::incomplete && size < bytes.size()) continue;
    check(end.state == whole.state && end.size == whole.size, "byte by byte, the head ends at the same place");
    return;
  }
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const HeadEnd end = find_head_end(bytes, 0);
  check_end(bytes, end);
  RequestHead head;
  // On anything but a head the parser must fail, and fail safely.
  const bool is_head = end.state == HeadEnd::State::complete;
  if (!is_head || end.size < bytes.size()) check(parse_request(bytes, kLimits, head).has_error(), "not one head");
  if (!is_head) return 0;

  const std::string_view block = bytes.substr(0, end.size);
  const auto parsed = parse_request(block, kLimits, head);
  const auto expected = expected_framing(block);
  check(parsed.has_value() == expected.has_value(), "the parser and the grammar agree on what is acceptable");
  if (!parsed) {
    check(!head.keep_alive, "nothing follows a refused head");
    return 0;
  }
  check(framing_of(head.body) == *expected, "the parser and the grammar agree on the framing");
  check_connection(block, head);
  check_written_again(head);
  return 0;
}

#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

namespace sandgate::proxy::http::testing {
namespace {

bool same(const HeadEnd& a, const HeadEnd& b) { return a.state == b.state && a.size == b.size; }

/// The answer when the bytes come `step` at a time, the first time one byte more or less.
HeadEnd find_in_steps(std::string_view bytes, std::size_t first, std::size_t step) {
  std::size_t scanned = 0;
  for (std::size_t size = first;; size += step) {
    size = std::min(size, bytes.size());
    const HeadEnd end = find_head_end(bytes.substr(0, size), scanned);
    if (end.state != HeadEnd::State::incomplete || size == bytes.size()) return end;
    scanned = size;
  }
}

}  // namespace

std::string request(std::string_view start_line, std::string_view fields) {
  return std::string(start_line) + "\r\nHost: 8080-sbx1.sandbox.test\r\n" + std::string(fields) + "\r\n";
}

std::string response(std::string_view status_line, std::string_view fields) {
  return std::string(status_line) + "\r\n" + std::string(fields) + "\r\n";
}

HeadEnd find_in_every_cut(std::string_view bytes) {
  const HeadEnd whole = find_head_end(bytes, 0);
  const bool bytewise_agrees = same(find_in_steps(bytes, 0, 1), whole);
  CHECK(bytewise_agrees);
  std::size_t disagreeing_cut = std::string_view::npos;
  for (std::size_t cut = 0; cut <= std::min<std::size_t>(bytes.size(), 1024); ++cut) {
    if (!same(find_in_steps(bytes, cut, bytes.size()), whole)) disagreeing_cut = cut;
  }
  CHECK(disagreeing_cut == std::string_view::npos);
  return whole;
}

std::string read_request(std::string_view bytes, RequestHead& head, const HeadLimits& limits) {
  const HeadEnd end = find_in_every_cut(bytes);
  if (end.state == HeadEnd::State::malformed) return "bad_request";
  if (end.state == HeadEnd::State::incomplete) return "incomplete";
  const Result<void> parsed = parse_request(bytes.substr(0, end.size), limits, head);
  return parsed ? "ok" : std::string(label(parsed.error()));
}

std::string read_response(std::string_view bytes, const ResponseContext& context, ResponseHead& head,
                          const HeadLimits& limits) {
  const HeadEnd end = find_in_every_cut(bytes);
  if (end.state == HeadEnd::State::malformed) return "response_invalid";
  if (end.state == HeadEnd::State::incomplete) return "incomplete";
  const Result<void> parsed = parse_response(bytes.substr(0, end.size), limits, context, head);
  return parsed ? "ok" : std::string(label(parsed.error()));
}

std::string describe(BodyLength body) {
  switch (body.kind) {
    case BodyLength::Kind::none:
      return "none";
    case BodyLength::Kind::length:
      return "length " + std::to_string(body.length);
    case BodyLength::Kind::chunked:
      return "chunked";
    case BodyLength::Kind::until_end:
      return "until_end";
  }
  return "";
}

std::string describe(const Fields& fields) {
  std::string text;
  for (const Field& field : fields) {
    if (!text.empty()) text += '|';
    text.append(field.name).append(": ").append(field.value);
  }
  return text;
}

}  // namespace sandgate::proxy::http::testing

// The downgrade invariant (RFC 9113 10.3): an HTTP/2 request head that is accepted, and written as HTTP/1, reads as the
// same request for our own parser and for a naive one: one head, the same method, target and authority, the same fields
// in the same order, the same body length.
//
// An input is a byte (bit 0: nothing follows the head), then fields: name, 0x1f, value, 0x1e.
#include <proxy/http/h1_head.hpp>
#include <proxy/http/h1_write.hpp>
#include <proxy/http/h2_head.hpp>
#include <tests/fuzz/h1_oracle.hpp>

#include <cstddef>
#include <cstdint>
#include <memory_resource>

namespace sandgate::fuzz {
namespace {

using namespace proxy::http;
using proxy::Result;

constexpr HeadLimits kLimits{2048, 16, 512};
constexpr HeadLimits kWrittenLimits{8192, 32, 512};

std::vector<Field> read_input(std::string_view bytes) {
  std::vector<Field> fields;
  while (!bytes.empty()) {
    const std::string_view field = bytes.substr(0, bytes.find('\x1e'));
    bytes.remove_prefix(std::min(bytes.size(), field.size() + 1));
    const std::size_t separator = std::min(field.find('\x1f'), field.size());
    fields.push_back({field.substr(0, separator), field.substr(std::min(separator + 1, field.size()))});
  }
  return fields;
}

/// What is said of the message's length and of the connection is written by the edge, not passed on.
bool is_written_by_edge(const Field& field) {
  const std::string name = lower(field.name);
  return name == "content-length" || name == "transfer-encoding" || name == "connection" || name == "upgrade";
}

std::vector<Field> passed_on(const Fields& fields) {
  std::vector<Field> passed;
  std::copy_if(fields.begin(), fields.end(), std::back_inserter(passed),
               [](const Field& field) { return !is_written_by_edge(field); });
  return passed;
}

/// As H1Upstream writes it.
std::string write(const RequestHead& head) {
  std::string written;
  write_request_line(written, head.method, head.target);
  write_field(written, "Host", head.authority);
  for (const Field& field : passed_on(head.fields)) write_field(written, field.name, field.value);
  const bool is_open_ended = head.body.kind == BodyLength::Kind::until_end;
  write_framing(written, is_open_ended ? BodyLength{BodyLength::Kind::chunked} : head.body);
  if (!head.upgrade.empty()) {
    write_field(written, "Connection", "upgrade");
    write_field(written, "Upgrade", head.upgrade);
  }
  return written + "\r\n";
}

std::string framing_of(BodyLength body) {
  switch (body.kind) {
    case BodyLength::Kind::none:
      return "none";
    case BodyLength::Kind::length:
      return std::to_string(body.length);
    case BodyLength::Kind::chunked:
    case BodyLength::Kind::until_end:
      return "chunked";
  }
  return "";
}

void check_parsed_again(const std::string& written, const RequestHead& head) {
  const HeadEnd end = find_head_end(written, 0);
  check(end.state == HeadEnd::State::complete && end.size == written.size(), "what is written is one head");
  RequestHead again;
  check(parse_request(written, kWrittenLimits, again).has_value(), "HTTP/1 accepts what HTTP/2 accepted");
  check(again.method == head.method && again.target == head.target, "the request line is the same");
  check(again.authority == head.authority, "the authority is the same");
  const auto before = passed_on(head.fields);
  const auto after = passed_on(again.fields);
  check(std::equal(before.begin(), before.end(), after.begin(), after.end(),
                   [](const Field& x, const Field& y) { return x.name == y.name && x.value == y.value; }),
        "the fields are the same");
  const bool is_empty = head.body == BodyLength{BodyLength::Kind::length, 0};
  check(framing_of(again.body) == (is_empty ? "none" : framing_of(head.body)), "the body is as long");
  check(again.upgrade == head.upgrade, "the upgrade is the same");
  check(is_empty || again.expects_continue == head.expects_continue, "the expectation is the same");
}

void check_naive_reading(const std::string& written, const RequestHead& head) {
  const std::vector<std::string> lines = lines_of(written);
  const auto fields = read_fields({lines.begin() + 1, lines.end()});
  check(fields.has_value(), "every line is a field");
  check(split(lines.front(), " ").size() == 3, "the request line has three words");
  check(fields->times("host") == 1 && fields->first("host") == head.authority, "there is one Host");
  const std::size_t own = (head.body.kind == BodyLength::Kind::none ? 0 : 1) + (head.upgrade.empty() ? 0 : 2);
  check(fields->count == passed_on(head.fields).size() + 1 + own, "no field became two");
  check(read_framing(*fields, true) == framing_of(head.body), "the framing is one, and the same");
  check(fields->times("cookie") <= 1, "crumbs are one cookie");
  for (const char* name : {"keep-alive", "proxy-connection"}) {
    check(fields->times(name) == 0, "nothing of a connection is left");
  }
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  if (size == 0) return 0;
  const bool is_last = (data[0] & 1) != 0;
  const auto input = read_input({reinterpret_cast<const char*>(data) + 1, size - 1});
  std::pmr::monotonic_buffer_resource memory;
  RequestHead head(&memory);
  const Result<void> understood = [&] {
    H2RequestReader reader(kLimits, &memory, head);
    for (const Field& field : input) {
      const std::string name(field.name);  // Gone after the call, as the decoder's are.
      const std::string value(field.value);
      reader.take(name, value);
    }
    return reader.finish(is_last);
  }();
  if (understood.has_error()) return 0;
  check(head.version == Version::http_2, "it is HTTP/2");
  check(!is_last || head.body.kind == BodyLength::Kind::none, "nothing follows what is whole");
  check(head.upgrade.empty() || head.method == "GET", "an upgrade is a GET");
  const std::string written = write(head);
  check_parsed_again(written, head);
  check_naive_reading(written, head);
  return 0;
}

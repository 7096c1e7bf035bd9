// The access log: whatever strangers put into an exchange, its line is one line of valid JSON in visible characters,
// bounded, and says the query of no target and the userinfo of no authority (hardening 1.10).
#include <proxy/access_line.hpp>
#include <proxy/json_text.hpp>
#include <tests/fuzz/h1_oracle.hpp>
#include <tests/fuzz/script.hpp>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>

namespace sandgate::fuzz {
namespace {

namespace json = boost::json;

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c < 0 || c >= 0x20) && c != 0x7f; });
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void check_text(std::string_view text, std::size_t limit) {
  std::string quoted;
  proxy::append_json_string(quoted, text, limit);
  check(quoted.size() >= 2 && quoted.size() - 2 <= limit && is_visible(quoted), "bounded and visible");
  const json::value value = json::parse(quoted);
  check(value.is_string(), "a JSON string");
  if (is_plain(text) && 6 * text.size() <= limit) {
    const json::string& read = value.as_string();
    check(text == std::string_view(read.data(), read.size()), "what is plain reads as it was");
  }
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate;
  using namespace sandgate::fuzz;
  Script script(data, size);
  check_text(script.rest(), script.size());
  std::vector<std::string> texts = split(script.rest(), "\n");
  texts.resize(10);
  proxy::AccessRecord record;
  record.request_id = texts[0];
  record.client = texts[1];
  record.protocol = texts[2];
  record.tls = texts[3];
  record.method = texts[4];
  record.authority = texts[5];
  record.target = texts[6];
  record.sandbox = texts[7];
  record.upstream = texts[8];
  record.user_agent = texts[9];
  proxy::AccessLine made;
  const std::string_view line = made.format(record);
  check(line.ends_with('\n') && line.find('\n') == line.size() - 1, "one line");
  check(is_visible(line.substr(0, line.size() - 1)) && line.size() < proxy::AccessLine::kMaxLine,
        "visible and bounded");
  const json::object object = json::parse(line).as_object();
  const auto has_none_of = [&](std::string_view name, char c) {
    const json::value& value = object.at(name);
    return !value.is_string() || value.as_string().find(c) == json::string::npos;
  };
  check(has_none_of("path", '?') && has_none_of("authority", '@'), "no query and no userinfo");
  return 0;
}

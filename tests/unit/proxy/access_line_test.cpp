#include <proxy/access_line.hpp>

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace sandgate::proxy {
namespace {

AccessRecord complete_record() {
  AccessRecord record;
  record.time = std::chrono::sys_days(std::chrono::year(2026) / 11 / 3) + 9h + 5min + 7s + 42ms;
  record.request_id = "r-1";
  record.client = "192.0.2.1";
  record.protocol = "HTTP/1.1";
  record.tls = "TLSv1.3";
  record.method = "GET";
  record.authority = "8080-abc.sandbox.test";
  record.target = "/a/b?token=secret";
  record.sandbox = "abc";
  record.port = 8080;
  record.status = 502;
  record.failure = Failure::port_closed;
  record.bytes_up = 1;
  record.bytes_down = 18'446'744'073'709'551'615U;
  record.duration = 1'234'567'890ns;
  record.lookup = 0ns;
  record.connect = 12ms;
  record.first_byte = 1h;
  record.reused = true;
  record.upstream = "10.0.0.7:8080";
  record.user_agent = "curl/7.88.1";
  return record;
}

std::string line_of(const AccessRecord& record) { return std::string(AccessLine().format(record)); }

boost::json::object object_of(const AccessRecord& record) {
  const std::string line = line_of(record);
  REQUIRE(line.ends_with("}\n"));
  REQUIRE(line.find('\n') == line.size() - 1);
  return boost::json::parse(line).as_object();
}

}  // namespace

TEST_CASE("access line: the fields, in their order", "[access_log]") {
  CHECK(line_of(complete_record()) ==
        R"({"time":"2026-11-03T09:05:07.042Z","request_id":"r-1","client":"192.0.2.1","protocol":"HTTP/1.1",)"
        R"("tls":"TLSv1.3","method":"GET","authority":"8080-abc.sandbox.test","path":"/a/b","sandbox":"abc",)"
        R"("port":8080,"status":502,"reason":"port_closed","blame":"sandbox","bytes_up":1,)"
        R"("bytes_down":18446744073709551615,"duration_ms":1234.568,"lookup_ms":0.000,"connect_ms":12.000,)"
        R"("first_byte_ms":3600000.000,"reused":true,"upstream":"10.0.0.7:8080","user_agent":"curl/7.88.1"})"
        "\n");
}

TEST_CASE("access line: what is not known is null, and an exchange without failure is ok", "[access_log]") {
  const boost::json::object line = object_of(AccessRecord{});
  for (const char* name : {"request_id", "client", "protocol", "tls", "method", "authority", "path", "sandbox", "port",
                           "status", "lookup_ms", "connect_ms", "first_byte_ms", "upstream", "user_agent"}) {
    INFO(name);
    CHECK(line.at(name).is_null());
  }
  CHECK(line.at("reason").as_string() == "ok");
  CHECK(line.at("blame").as_string() == "none");
  CHECK(line.at("reused").as_bool() == false);
  CHECK(line.at("time").as_string() == "1970-01-01T00:00:00.000Z");
  CHECK(line.size() == 22);
}

TEST_CASE("access line: time is UTC to the millisecond, rounded down", "[access_log]") {
  using std::chrono::sys_days;
  using std::chrono::year;
  const auto [time, text] = GENERATE(table<std::chrono::system_clock::time_point, std::string>({
      {sys_days(year(2026) / 12 / 31) + 23h + 59min + 59s + 999'999us, "2026-12-31T23:59:59.999Z"},
      {sys_days(year(2028) / 2 / 29), "2028-02-29T00:00:00.000Z"},
      {sys_days(year(2001) / 9 / 9) + 1h + 46min + 40s, "2001-09-09T01:46:40.000Z"},
  }));
  AccessRecord record;
  record.time = time;
  CHECK(object_of(record).at("time").as_string() == text);
}

TEST_CASE("access line: neither query nor userinfo is written", "[access_log]") {
  AccessRecord record;
  record.target = "/p?a=1?b=2";
  record.authority = "user:s3cret@8080-abc.sandbox.test";
  const boost::json::object line = object_of(record);
  CHECK(line.at("path").as_string() == "/p");
  CHECK(line.at("authority").as_string() == "8080-abc.sandbox.test");
}

TEST_CASE("access line: hostile text in any field leaves one line of JSON, and at most 2 KiB of it", "[access_log]") {
  const std::string text =
      GENERATE(as<std::string>(), "\x1b[2J", "a\r\nSet-Cookie: x", "\"},{\"", "\\", "\xff\xfe", std::string(1, '\0'),
               std::string(100 * 1024, '/'), std::string(100 * 1024, '\x1b'), std::string(100 * 1024, '\xff'));
  const auto member =
      GENERATE(&AccessRecord::request_id, &AccessRecord::client, &AccessRecord::protocol, &AccessRecord::tls,
               &AccessRecord::method, &AccessRecord::authority, &AccessRecord::target, &AccessRecord::sandbox,
               &AccessRecord::upstream, &AccessRecord::user_agent);
  AccessRecord record = complete_record();
  record.*member = text;
  const boost::json::object line = object_of(record);
  CHECK(line.size() == 22);
  CHECK(line_of(record).size() < 2048 + 700);
}

TEST_CASE("access line: the longest line has room, and none of it is left in the next", "[access_log]") {
  AccessRecord record = complete_record();
  for (const char c : {'"', '/'}) {
    const std::string longest(100 * 1024, c);
    for (auto member : {&AccessRecord::request_id, &AccessRecord::client, &AccessRecord::protocol, &AccessRecord::tls,
                        &AccessRecord::method, &AccessRecord::authority, &AccessRecord::target, &AccessRecord::sandbox,
                        &AccessRecord::upstream, &AccessRecord::user_agent}) {
      record.*member = longest;
    }
    record.lookup = record.connect = record.first_byte = record.duration = std::chrono::nanoseconds::max() - 1ms;
    record.bytes_up = record.bytes_down;
    AccessLine line;
    CHECK(line.format(record).size() > 10 * (AccessLine::kMaxText - 6));
    CHECK(line.format(record).size() < AccessLine::kMaxLine);
    CHECK(line.format(complete_record()) == line_of(complete_record()));
  }
}

}  // namespace sandgate::proxy

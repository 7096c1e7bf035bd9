#include <routing/timestamp.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <string_view>

namespace sandgate::routing {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

system_clock::time_point unix_time(seconds since_epoch, nanoseconds fraction = nanoseconds{0}) {
  return system_clock::time_point{} + since_epoch + fraction;
}

TEST_CASE("timestamp: RFC 3339 date-times are read", "[routing]") {
  const auto [text, time] = GENERATE(table<std::string_view, system_clock::time_point>({
      {"1970-01-01T00:00:00Z", unix_time(seconds{0})},
      {"2026-11-23T18:04:05Z", unix_time(seconds{1795457045})},
      {"2026-11-23t18:04:05z", unix_time(seconds{1795457045})},
      {"2026-11-23T18:04:05.5Z", unix_time(seconds{1795457045}, nanoseconds{500'000'000})},
      {"2026-11-23T18:04:05.000000001Z", unix_time(seconds{1795457045}, nanoseconds{1})},
      {"2026-11-23T18:04:05.0000000019Z", unix_time(seconds{1795457045}, nanoseconds{1})},
      {"2026-11-23T19:34:05+01:30", unix_time(seconds{1795457045})},
      {"2026-11-23T12:34:05-05:30", unix_time(seconds{1795457045})},
      {"2026-11-23T18:04:05-00:00", unix_time(seconds{1795457045})},
      {"2024-02-29T00:00:00Z", unix_time(seconds{1709164800})},
      {"1990-12-31T23:59:60Z", unix_time(seconds{662688000})},
      {"1969-12-31T23:59:59Z", unix_time(seconds{-1})},
  }));
  INFO(text);
  CHECK(parse_rfc3339(text) == time);
}

TEST_CASE("timestamp: a date beyond the clock is the end of its range, not a wrapped one", "[routing]") {
  using std::chrono::days;
  CHECK(*parse_rfc3339("9999-12-31T23:59:59Z") > system_clock::time_point::max() - days{1});
  CHECK(*parse_rfc3339("9999-12-31T23:59:59.999999999-23:59") > system_clock::time_point::max() - days{1});
  CHECK(*parse_rfc3339("0000-01-01T00:00:00Z") < system_clock::time_point::min() + days{1});
}

TEST_CASE("timestamp: anything else is none", "[routing]") {
  const std::string_view text = GENERATE(
      "", "2026", "2026-11-23", "2026-11-23T18:04:05", "2026-11-23 18:04:05Z", "2026-11-23T18:04Z", "18:04:05Z",
      "2026-11-23T18:04:05.Z", "2026-11-23T18:04:05,5Z", "2026-11-23T18:04:05+0100", "2026-11-23T18:04:05+01",
      "2026-11-23T18:04:05+01:00Z", "2026-11-23T18:04:05ZZ", "2026-11-23T18:04:05Z ", " 2026-11-23T18:04:05Z",
      "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-11-31T00:00:00Z", "2026-02-29T00:00:00Z",
      "2026-11-00T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T23:60:00Z", "2026-11-23T23:59:61Z",
      "2026-11-23T18:04:05+24:00", "2026-11-23T18:04:05+01:60", "26-11-23T18:04:05Z", "+2026-11-23T18:04:05Z",
      "12026-11-23T18:04:05Z", "2026-1-23T18:04:05Z", "-026-11-23T18:04:05Z", "2026-11-23T18:04:-5Z", "1795457045");
  INFO(text);
  CHECK_FALSE(parse_rfc3339(text));
}

}  // namespace
}  // namespace sandgate::routing

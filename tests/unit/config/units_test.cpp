#include <config/units.hpp>

#include <catch2/catch.hpp>

namespace sandgate::config {
namespace {

using std::chrono::milliseconds;

TEST_CASE("units: a size is a number with its unit", "[config]") {
  const auto [text, count] = GENERATE(table<std::string, std::uint64_t>({
      {"0", 0},
      {"0B", 0},
      {"1B", 1},
      {"512B", 512},
      {"64KiB", 65536},
      {"1MiB", 1048576},
      {"2GiB", 2147483648},
      {"9223372036854775807B", 9223372036854775807U},
      {"8589934591GiB", 8589934591U * 1073741824U},
  }));
  CAPTURE(text);
  REQUIRE(parse_bytes(text).has_value());
  CHECK(parse_bytes(text)->count == count);
}

TEST_CASE("units: what is not a size is refused", "[config]") {
  const auto* text = GENERATE("", "10", "64 KiB", " 1B", "1B ", "-1B", "+1B", "1.5MiB", "64KB", "64kib", "1k", "KiB",
                              "064KiB", "00", "0x10B", "9223372036854775808B", "8589934592GiB",
                              "99999999999999999999999B", "18446744073709551616B", "1TiB", "10s");
  CAPTURE(text);
  CHECK_FALSE(parse_bytes(text));
}

TEST_CASE("units: a duration is a number with its unit", "[config]") {
  const auto [text, count] = GENERATE(table<std::string, long>({
      {"0", 0},
      {"0s", 0},
      {"250ms", 250},
      {"10s", 10'000},
      {"5m", 300'000},
      {"1h", 3'600'000},
      {"87600h", 315'360'000'000},
  }));
  CAPTURE(text);
  REQUIRE(parse_duration(text).has_value());
  CHECK(*parse_duration(text) == milliseconds{count});
}

TEST_CASE("units: what is not a duration is refused", "[config]") {
  const auto* text = GENERATE("", "10", "10 s", "-1s", "+1s", "1.5s", "1d", "10S", "s", "1h30m", "01s", "10us",
                              "87601h", "315360000001ms", "18446744073709551615s", "64KiB");
  CAPTURE(text);
  CHECK_FALSE(parse_duration(text));
}

TEST_CASE("units: a size is written in its shortest form, which reads back", "[config]") {
  const auto [count, text] = GENERATE(table<std::uint64_t, std::string>({
      {0, "0"},
      {1, "1B"},
      {1000, "1000B"},
      {1024, "1KiB"},
      {65536, "64KiB"},
      {65537, "65537B"},
      {1048576, "1MiB"},
      {1073741824, "1GiB"},
  }));
  CHECK(to_string(Bytes{count}) == text);
  CHECK(parse_bytes(text) == Bytes{count});
}

TEST_CASE("units: a duration is written in its shortest form, which reads back", "[config]") {
  const auto [count, text] = GENERATE(table<long, std::string>({
      {0, "0"},
      {1, "1ms"},
      {1000, "1s"},
      {1500, "1500ms"},
      {60'000, "1m"},
      {75'000, "75s"},
      {3'600'000, "1h"},
      {5'400'000, "90m"},
  }));
  CHECK(to_string(milliseconds{count}) == text);
  CHECK(parse_duration(text) == milliseconds{count});
}

}  // namespace
}  // namespace sandgate::config

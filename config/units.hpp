// units: sizes and durations as people write them: "64KiB", "250ms".
//
// A bare number is never accepted where a unit belongs (except 0, which is the same in every unit). Nothing here
// throws; a text that is not a quantity comes back as nullopt and the caller says where it stood.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::config {

/// A size in bytes. Made from a text by `parse_bytes`, from code by the constants below.
struct Bytes {
  std::uint64_t count = 0;
  // clang-tidy 14 takes the comparison with 0 in what this generates for a null pointer.
  friend constexpr auto operator<=>(Bytes, Bytes) = default;  // NOLINT(modernize-use-nullptr)
};

constexpr Bytes kibibytes(std::uint64_t n) { return Bytes{n * 1024}; }
constexpr Bytes mebibytes(std::uint64_t n) { return Bytes{n * 1024 * 1024}; }

/// "0", "512B", "64KiB", "1MiB", "2GiB". Nothing for anything else: no sign, no fraction, no overflow of 2^63.
std::optional<Bytes> parse_bytes(std::string_view text);

/// "0", "250ms", "10s", "5m", "1h". Nothing for anything else, or past ten years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest text that parses back to the same value.
std::string to_string(Bytes size);
std::string to_string(std::chrono::milliseconds duration);

}  // namespace sandgate::config

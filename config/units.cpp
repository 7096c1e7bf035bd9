#include <config/units.hpp>

#include <array>
#include <charconv>
#include <span>

namespace sandgate::config {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t size;
};

// Smallest first; each divides the next, so the largest that divides a value gives its shortest text.
constexpr std::array<Unit, 4> kSizes{
    {{"B", 1}, {"KiB", kibibytes(1).count}, {"MiB", mebibytes(1).count}, {"GiB", mebibytes(1024).count}}};
constexpr std::array<Unit, 4> kTimes{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};

constexpr std::uint64_t kLargestSize = (std::uint64_t{1} << 63) - 1;
constexpr std::uint64_t kLongestTime = std::uint64_t{10} * 365 * 24 * 3'600'000;

/// The number times its unit, or nothing when the text is not "<number><unit>" or the result is past `largest`.
std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units, std::uint64_t largest) {
  if (text == "0") return 0;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (text.front() == '0' && text.size() - suffix.size() > 1) return std::nullopt;
  for (const Unit& unit : units) {
    if (suffix != unit.suffix) continue;
    if (number > largest / unit.size) return std::nullopt;
    return number * unit.size;
  }
  return std::nullopt;
}

std::string quantity_text(std::uint64_t amount, std::span<const Unit> units) {
  if (amount == 0) return "0";
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (amount % unit.size == 0) best = &unit;
  }
  return std::to_string(amount / best->size).append(best->suffix);
}

}  // namespace

std::optional<Bytes> parse_bytes(std::string_view text) {
  const auto count = parse_quantity(text, kSizes, kLargestSize);
  if (!count) return std::nullopt;
  return Bytes{*count};
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto count = parse_quantity(text, kTimes, kLongestTime);
  if (!count) return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::chrono::milliseconds::rep>(*count)};
}

std::string to_string(Bytes size) { return quantity_text(size.count, kSizes); }

std::string to_string(std::chrono::milliseconds duration) {
  return quantity_text(static_cast<std::uint64_t>(duration.count()), kTimes);
}

}  // namespace sandgate::config

#include <routing/ascii.hpp>
#include <routing/timestamp.hpp>

#include <algorithm>
#include <cstddef>

namespace sandgate::routing {
namespace {

using std::chrono::system_clock;

/// Reads a text from left to right; after the first thing that does not fit, it has failed for good.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  /// Exactly `count` digits, with a value of at most `max`.
  int digits(std::size_t count, int max) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value * 10 + (next_is_digit() ? take() - '0' : fail());
    return value <= max ? value : fail();
  }

  /// One of `choices`, which are compared without case; it is returned as it stands in `choices`.
  char one_of(std::string_view choices) {
    const std::size_t at = rest_.empty() ? std::string_view::npos : choices.find(to_upper(rest_.front()));
    if (at == std::string_view::npos) return static_cast<char>(fail());
    take();
    return choices[at];
  }

  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool next_is_digit() const { return !rest_.empty() && is_digit(rest_.front()); }
  bool has_read_all() const { return !failed_ && rest_.empty(); }

 private:
  static char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  int fail() {
    failed_ = true;
    return 0;
  }

  std::string_view rest_;
  bool failed_ = false;
};

std::optional<std::chrono::sys_days> scan_date(Scanner& scanner) {
  const std::chrono::year year{scanner.digits(4, 9999)};
  scanner.one_of("-");
  const std::chrono::month month{static_cast<unsigned>(scanner.digits(2, 12))};
  scanner.one_of("-");
  const std::chrono::day day{static_cast<unsigned>(scanner.digits(2, 31))};
  const std::chrono::year_month_day date{year, month, day};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date};
}

std::chrono::seconds scan_time(Scanner& scanner) {
  const std::chrono::hours hours{scanner.digits(2, 23)};
  scanner.one_of(":");
  const std::chrono::minutes minutes{scanner.digits(2, 59)};
  scanner.one_of(":");
  return hours + minutes + std::chrono::seconds{scanner.digits(2, 60)};
}

std::chrono::nanoseconds scan_fraction(Scanner& scanner) {
  std::chrono::nanoseconds fraction{0};
  if (!scanner.next_is('.')) return fraction;
  scanner.one_of(".");
  std::chrono::nanoseconds unit{std::chrono::seconds{1}};
  do {
    unit /= 10;
    fraction += unit * scanner.digits(1, 9);
  } while (scanner.next_is_digit());
  return fraction;
}

/// What to add to UTC to get the time that was written.
std::chrono::minutes scan_offset(Scanner& scanner) {
  const char sign = scanner.one_of("Z+-");
  if (sign != '+' && sign != '-') return std::chrono::minutes{0};
  const std::chrono::hours hours{scanner.digits(2, 23)};
  scanner.one_of(":");
  const std::chrono::minutes offset = hours + std::chrono::minutes{scanner.digits(2, 59)};
  return sign == '-' ? -offset : offset;
}

}  // namespace

std::optional<system_clock::time_point> parse_rfc3339(std::string_view text) {
  Scanner scanner(text);
  const auto date = scan_date(scanner);
  if (!date) return std::nullopt;
  scanner.one_of("T");
  const std::chrono::seconds time = scan_time(scanner);
  const std::chrono::nanoseconds fraction = scan_fraction(scanner);
  const std::chrono::minutes offset = scan_offset(scanner);
  if (!scanner.has_read_all()) return std::nullopt;

  // One second is kept free at either end for the fraction.
  using std::chrono::floor;
  using std::chrono::seconds;
  constexpr std::chrono::sys_seconds kFirst = floor<seconds>(system_clock::time_point::min()) + seconds{1};
  constexpr std::chrono::sys_seconds kLast = floor<seconds>(system_clock::time_point::max()) - seconds{1};
  const std::chrono::sys_seconds second = std::chrono::sys_seconds{*date} + time - offset;
  return std::clamp(second, kFirst, kLast) + std::chrono::duration_cast<system_clock::duration>(fraction);
}

}  // namespace sandgate::routing

#include <proxy/access_log.hpp>
#include <proxy/json_text.hpp>

#include <array>
#include <charconv>

namespace sandgate::proxy {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kMaxText = 2048;  // bytes between the quotes

template <class Integer>
void append_integer(std::string& out, Integer value) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

/// `value` with leading zeros, `width` digits in all.
void append_padded(std::string& out, unsigned value, std::size_t width) {
  const std::size_t begin = out.size();
  out.append(width, '0');
  for (std::size_t i = begin + width; i-- > begin; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

/// "2026-11-23T09:05:07.042Z" (RFC 3339). Pure arithmetic, so there is nothing worth caching between lines.
void append_time(std::string& out, std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
  append_padded(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out.push_back('-');
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out.push_back('-');
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out.push_back('T');
  append_padded(out, static_cast<unsigned>(clock.hours().count()), 2);
  out.push_back(':');
  append_padded(out, static_cast<unsigned>(clock.minutes().count()), 2);
  out.push_back(':');
  append_padded(out, static_cast<unsigned>(clock.seconds().count()), 2);
  out.push_back('.');
  append_padded(out, static_cast<unsigned>(clock.subseconds().count()), 3);
  out.push_back('Z');
}

/// One JSON object; members in the order they are given.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) {}

  void time(std::string_view name, std::chrono::system_clock::time_point value) {
    begin(name);
    out_.push_back('"');
    append_time(out_, value);
    out_.push_back('"');
  }
  void text(std::string_view name, std::string_view value) {
    begin(name);
    if (value.empty()) {
      out_.append("null");
    } else {
      append_json_string(out_, value, kMaxText);
    }
  }
  void number(std::string_view name, std::uint64_t value) {
    begin(name);
    append_integer(out_, value);
  }
  void number_unless_zero(std::string_view name, std::uint64_t value) { value == 0 ? null(name) : number(name, value); }
  /// Milliseconds with three decimals.
  void duration(std::string_view name, nanoseconds value) {
    if (value < nanoseconds::zero()) return null(name);
    const auto microseconds = std::chrono::round<std::chrono::microseconds>(value).count();
    begin(name);
    append_integer(out_, microseconds / 1000);
    out_.push_back('.');
    append_padded(out_, static_cast<unsigned>(microseconds % 1000), 3);
  }
  void boolean(std::string_view name, bool value) {
    begin(name);
    out_.append(value ? "true" : "false");
  }
  void end() { out_.append("}\n"); }

 private:
  void begin(std::string_view name) {
    out_.append(is_first_ ? "{\"" : ",\"").append(name).append("\":");
    is_first_ = false;
  }
  void null(std::string_view name) {
    begin(name);
    out_.append("null");
  }

  std::string& out_;
  bool is_first_ = true;
};

std::string_view without_query(std::string_view target) { return target.substr(0, target.find('?')); }

/// A client may put a password there, though nothing would read it (RFC 3986 3.2.1 and 7.5).
std::string_view without_userinfo(std::string_view authority) { return authority.substr(authority.rfind('@') + 1); }

}  // namespace

void format_access_line(const AccessRecord& record, std::string& out) {
  Members line(out);
  line.time("time", record.time);
  line.text("request_id", record.request_id);
  line.text("client", record.client);
  line.text("protocol", record.protocol);
  line.text("tls", record.tls);
  line.text("method", record.method);
  line.text("authority", without_userinfo(record.authority));
  line.text("path", without_query(record.target));
  line.text("sandbox", record.sandbox);
  line.number_unless_zero("port", record.port);
  line.number_unless_zero("status", record.status);
  line.text("reason", record.failure ? label(*record.failure) : "ok");
  line.text("blame", label(record.failure ? row(*record.failure).blame : Blame::none));
  line.number("bytes_up", record.bytes_up);
  line.number("bytes_down", record.bytes_down);
  line.duration("duration_ms", record.duration);
  line.duration("lookup_ms", record.lookup);
  line.duration("connect_ms", record.connect);
  line.duration("first_byte_ms", record.first_byte);
  line.boolean("reused", record.reused);
  line.text("upstream", record.upstream);
  line.text("user_agent", record.user_agent);
  line.end();
}

}  // namespace sandgate::proxy

#include <proxy/access_line.hpp>
#include <proxy/json_text.hpp>

#include <charconv>
#include <cstring>

namespace sandgate::proxy {
namespace {

using std::chrono::nanoseconds;

/// Where the next byte of a line goes. Nobody asks whether there is room: AccessLine has it for the longest line.
class Cursor {
 public:
  explicit Cursor(char* begin) : at_(begin) {}
  char* get() const { return at_; }

  void byte(char c) { *at_++ = c; }
  template <std::size_t size>
  void literal(const char (&text)[size]) {
    std::memcpy(at_, text, size - 1);  // A few moves: the size is known.
    at_ += size - 1;
  }
  void bytes(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  template <class Integer>
  void integer(Integer value) {
    constexpr std::size_t kMostDigits = 20;
    at_ = std::to_chars(at_, at_ + kMostDigits, value).ptr;
  }
  /// `value` with leading zeros, `width` digits in all.
  template <std::size_t width>
  void padded(unsigned value) {
    for (std::size_t i = width; i-- > 0; value /= 10) at_[i] = static_cast<char>('0' + value % 10);
    at_ += width;
  }

 private:
  char* at_;
};

/// "2026-11-23T09:05:07.042Z" (RFC 3339). Pure arithmetic, so there is nothing worth caching between lines.
void append_time(Cursor& out, std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
  out.padded<4>(static_cast<unsigned>(static_cast<int>(date.year())));
  out.byte('-');
  out.padded<2>(static_cast<unsigned>(date.month()));
  out.byte('-');
  out.padded<2>(static_cast<unsigned>(date.day()));
  out.byte('T');
  out.padded<2>(static_cast<unsigned>(clock.hours().count()));
  out.byte(':');
  out.padded<2>(static_cast<unsigned>(clock.minutes().count()));
  out.byte(':');
  out.padded<2>(static_cast<unsigned>(clock.seconds().count()));
  out.byte('.');
  out.padded<3>(static_cast<unsigned>(clock.subseconds().count()));
  out.byte('Z');
}

/// One JSON object; members in the order they are given.
class Members {
 public:
  template <std::size_t size>
  using Name = const char (&)[size];

  /// `escaped`: room for the longest text.
  Members(char* begin, std::string& escaped) : begin_(begin), out_(begin), escaped_(escaped) {}

  template <std::size_t size>
  void time(Name<size> name, std::chrono::system_clock::time_point value) {
    start(name);
    out_.byte('"');
    append_time(out_, value);
    out_.byte('"');
  }
  template <std::size_t size>
  void text(Name<size> name, std::string_view value) {
    if (value.empty()) return null(name);
    start(name);
    if (value.size() <= AccessLine::kMaxText && is_plain_json(value)) {
      out_.byte('"');
      out_.bytes(value);
      out_.byte('"');
    } else {
      escaped_.clear();
      append_json_string(escaped_, value, AccessLine::kMaxText);
      out_.bytes(escaped_);
    }
  }
  template <std::size_t size>
  void number(Name<size> name, std::uint64_t value) {
    start(name);
    out_.integer(value);
  }
  template <std::size_t size>
  void number_unless_zero(Name<size> name, std::uint64_t value) {
    value == 0 ? null(name) : number(name, value);
  }
  /// Milliseconds with three decimals.
  template <std::size_t size>
  void duration(Name<size> name, nanoseconds value) {
    if (value < nanoseconds::zero()) return null(name);
    const auto microseconds = std::chrono::round<std::chrono::microseconds>(value).count();
    start(name);
    out_.integer(microseconds / 1000);
    out_.byte('.');
    out_.padded<3>(static_cast<unsigned>(microseconds % 1000));
  }
  template <std::size_t size>
  void boolean(Name<size> name, bool value) {
    start(name);
    out_.bytes(value ? "true" : "false");
  }
  std::string_view end() {
    *begin_ = '{';  // Where the first member has its comma.
    out_.literal("}\n");
    return {begin_, static_cast<std::size_t>(out_.get() - begin_)};
  }

 private:
  template <std::size_t size>
  void start(Name<size> name) {
    out_.literal(",\"");
    out_.literal(name);
    out_.literal("\":");
  }
  template <std::size_t size>
  void null(Name<size> name) {
    start(name);
    out_.literal("null");
  }

  char* begin_;
  Cursor out_;
  std::string& escaped_;
};

std::string_view without_query(std::string_view target) { return target.substr(0, target.find('?')); }

/// A client may put a password there, though nothing would read it (RFC 3986 3.2.1 and 7.5).
std::string_view without_userinfo(std::string_view authority) { return authority.substr(authority.rfind('@') + 1); }

}  // namespace

AccessLine::AccessLine() : bytes_(std::make_unique_for_overwrite<char[]>(kMaxLine)) { escaped_.reserve(kMaxText + 2); }

std::string_view AccessLine::format(const AccessRecord& record) {
  Members line(bytes_.get(), escaped_);
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
  return line.end();
}

}  // namespace sandgate::proxy

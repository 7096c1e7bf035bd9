// access_line: what is known of one exchange, as one line of JSON.
//
// Every text is escaped (control bytes, quotes, DEL and invalid UTF-8 as \u00XX) and bounded to 2 KiB, so a line is
// always one line of valid JSON. What is not known is null. Tokens and cookies are never in a record.
#pragma once

#include <proxy/base/failure.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::proxy {

/// What is known of one exchange when it ends. Views are into the exchange, which outlives the making of its line.
struct AccessRecord {
  std::chrono::system_clock::time_point time;  ///< When it ended.
  std::string_view request_id;
  std::string_view client;    ///< Address text.
  std::string_view protocol;  ///< "HTTP/1.1"
  std::string_view tls;       ///< "TLSv1.3"; empty on plain listeners (JSON null).
  std::string_view method;
  std::string_view authority;
  std::string_view target;         ///< Path and query; the query is removed when written.
  std::string_view sandbox;        ///< Empty: null.
  std::uint16_t port = 0;          ///< 0: null.
  std::uint16_t status = 0;        ///< 0: no answer was sent (null).
  std::optional<Failure> failure;  ///< reason and blame; none: "ok" and "none".
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::chrono::nanoseconds duration{0};
  std::chrono::nanoseconds lookup{-1};  ///< Negative: null.
  std::chrono::nanoseconds connect{-1};
  std::chrono::nanoseconds first_byte{-1};
  bool reused = false;
  std::string_view upstream;  ///< "10.0.0.7:8080"; empty: null.
  std::string_view user_agent;
};

/// Makes lines, one after the other, in memory of its own. Making one allocates nothing and never fails.
class AccessLine {
 public:
  static constexpr std::size_t kMaxText = 2048;  ///< Bytes between the quotes.
  /// Bytes of a line: twelve texts and their quotes, and less than two more of them for names, numbers and time.
  static constexpr std::size_t kMaxLine = 14 * (kMaxText + 2);

  AccessLine();
  /// The line, newline included; good until the next.
  std::string_view format(const AccessRecord& record);

 private:
  std::unique_ptr<char[]> bytes_;
  std::string escaped_;
};

}  // namespace sandgate::proxy

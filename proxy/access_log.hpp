// access_log: one JSON line an exchange, written when it ends; it never blocks a worker.
//
// A worker formats the line into its own ring (one writer, one reader, no lock, no system call but the one that wakes a
// reader that sleeps over a half-full ring); a thread carries the rings to the file, ten times a second or when woken.
// A full ring drops the line and counts it, and so does a file that cannot be written (disk full, reader of stdout
// gone): what is lost is counted, nothing waits for it. A line is written whole or not at all, but for one that the
// disk cut. Every text is escaped (control bytes, quotes, DEL and invalid UTF-8 as \u00XX) and bounded to 2 KiB, so a
// line is always one line of valid JSON. What is not known is null. Tokens and cookies are never in a record.
#pragma once

#include <proxy/base/failure.hpp>
#include <proxy/source_allowance.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::proxy {

/// What is known of one exchange when it ends. Views are into the exchange, which outlives the call to `write`.
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

/// Appends the line, newline included, to `out`. Pure; exposed for tests.
void format_access_line(const AccessRecord& record, std::string& out);

class AccessLog;

/// A worker's end. Only that worker calls it, and not after its AccessLog is gone.
class AccessLogWriter {
 public:
  /// False when the ring was full: the line is dropped.
  bool write(const AccessRecord& record);
  /// False when the client has had its share of lines about malformed requests.
  bool may_complain_about(const config::IpAddress& client, TimePoint now) { return complaints_.take(client, now); }

 private:
  friend class AccessLog;
  struct Ring;
  explicit AccessLogWriter(Ring* ring);
  Ring* ring_;  ///< Null: the log is off.
  SourceAllowance complaints_;
  std::string line_;
};

class AccessLog {
 public:
  /// `path`: "stdout", "off" or a file, which is appended to. Throws std::system_error when it cannot be opened.
  explicit AccessLog(const std::string& path);
  /// Everything written before is in the file afterwards, unless the file takes no byte for two seconds.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  std::unique_ptr<AccessLogWriter> make_writer();  ///< Before traffic; one per worker.
  /// For log rotation (SIGHUP): soon after, lines go to a new file of the path. Keeps the old one if that fails.
  void reopen();
  /// Lines that left a ring but could not be written. Any thread.
  std::uint64_t lost_lines() const;

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;  ///< Null: the log is off.
};

}  // namespace sandgate::proxy

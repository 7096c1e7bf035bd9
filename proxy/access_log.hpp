// access_log: one JSON line an exchange, written when it ends; it never blocks a worker.
//
// A worker formats the line into its own ring (one writer, one reader, no lock, no system call but the one that wakes a
// reader that sleeps over a half-full ring); a thread carries the rings to the file, ten times a second or when woken.
// A full ring drops the line and counts it, and so does a file that cannot be written (disk full, reader of stdout
// gone): what is lost is counted, nothing waits for it. A line is written whole or not at all, but for one that the
// disk cut.
#pragma once

#include <proxy/access_line.hpp>
#include <proxy/source_allowance.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sandgate::proxy {

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
  std::optional<AccessLine> line_;  ///< When there is a ring.
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

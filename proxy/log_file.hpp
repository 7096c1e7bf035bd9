// log_file: where log lines end up, a file or standard output, written without ever getting stuck in it.
//
// A regular file takes everything or fails. A pipe, a socket (systemd) or a terminal may take nothing for as long as
// its reader likes. It is not made non-blocking, because that would change it for every process that shares it; instead
// no more is written at a time than is known to fit.
#pragma once

#include <proxy/base/unique_fd.hpp>

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sandgate::proxy {

class LogFile {
 public:
  /// "stdout", or the path of a file, which is made when absent and appended to. Throws std::system_error.
  explicit LogFile(std::string path);

  /// Whether it takes bytes, or has an error that `write_some` will tell; waits for that at most `timeout`.
  bool is_ready(std::chrono::milliseconds timeout) const;
  /// Once ready: how many bytes were taken, at least one unless `bytes` is empty. Errors are those of write(2).
  boost::system::result<std::size_t> write_some(std::string_view bytes) const;
  /// For rotation: a new file of the same path. On an error the old one stays. Nothing to do for stdout.
  boost::system::error_code reopen();

  const std::string& path() const { return path_; }

 private:
  enum class Kind : std::uint8_t { file, stream, socket };
  static Kind kind_of(int fd);

  std::string path_;
  UniqueFd fd_;
  Kind kind_;
};

}  // namespace sandgate::proxy

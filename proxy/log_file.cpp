#include <proxy/log_file.hpp>

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sandgate::proxy {
namespace {

boost::system::error_code last_error() { return {errno, boost::system::system_category()}; }

/// Readable for the group (log shippers), for nobody else: the lines hold addresses of clients.
constexpr mode_t kMode = 0640;
/// O_NONBLOCK: a FIFO without a reader is an error, not a wait for one.
constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

UniqueFd open_log(const std::string& path) {
  if (path == "stdout") return UniqueFd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  return UniqueFd(::open(path.c_str(), kFlags, kMode));
}

}  // namespace

LogFile::LogFile(std::string path) : path_(std::move(path)), fd_(open_log(path_)), kind_(Kind::file) {
  if (!fd_) throw std::system_error(errno, std::system_category(), "access log " + path_);
  kind_ = kind_of(fd_.number());
}

LogFile::Kind LogFile::kind_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || S_ISREG(status.st_mode)) return Kind::file;
  return S_ISSOCK(status.st_mode) ? Kind::socket : Kind::stream;
}

bool LogFile::is_ready(std::chrono::milliseconds timeout) const {
  pollfd wanted{fd_.number(), POLLOUT, 0};
  return ::poll(&wanted, 1, static_cast<int>(timeout.count())) > 0;
}

boost::system::result<std::size_t> LogFile::write_some(std::string_view bytes) const {
  // POLLOUT promises room for PIPE_BUF bytes in a pipe (pipe(7)).
  const std::string_view part = kind_ == Kind::stream ? bytes.substr(0, PIPE_BUF) : bytes;
  ssize_t size = 0;
  do {
    size = kind_ == Kind::socket ? ::send(fd_.number(), part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                 : ::write(fd_.number(), part.data(), part.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return last_error();
  return static_cast<std::size_t>(size);
}

boost::system::error_code LogFile::reopen() {
  if (path_ == "stdout") return {};
  UniqueFd fd = open_log(path_);
  if (!fd) return last_error();
  kind_ = kind_of(fd.number());
  fd_ = std::move(fd);
  return {};
}

}  // namespace sandgate::proxy

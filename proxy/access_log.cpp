#include <proxy/access_log.hpp>
#include <proxy/byte_ring.hpp>
#include <proxy/log_file.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sandgate::proxy {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kInterval{100};    // between looks at the rings, while none is half full
constexpr milliseconds kLastWait{2'000};  // at the end: for a file that takes no byte
constexpr std::chrono::minutes kComplaintInterval{1};

/// How a worker wakes the thread: at most one system call for every time the thread fell asleep.
class Doorbell {
 public:
  Doorbell() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) throw std::system_error(errno, std::system_category(), "eventfd");
  }

  void ring() {
    const std::uint64_t one = 1;
    // Fails only when it has been rung 2^64 - 2 times already.
    [[maybe_unused]] const ssize_t written = ::write(event_.number(), &one, sizeof one);
  }
  void ring_if_asleep() {
    if (is_asleep_.load(std::memory_order_relaxed) && is_asleep_.exchange(false)) ring();
  }
  void wait(milliseconds timeout) {
    is_asleep_ = true;
    pollfd wanted{event_.number(), POLLIN, 0};
    ::poll(&wanted, 1, static_cast<int>(timeout.count()));
    is_asleep_ = false;
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t taken = ::read(event_.number(), &count, sizeof count);
  }

 private:
  UniqueFd event_;
  std::atomic<bool> is_asleep_{false};
};

/// Writing half a ring takes a quarter of a millisecond. The calling thread does not take a core by waking up
/// (sched(7), SCHED_BATCH), and where the workers have a real-time policy they come first at any time. Where that is
/// not permitted it stays as it was.
void step_behind_workers() {
  const sched_param no_priority{};
  ::pthread_setschedparam(::pthread_self(), SCHED_BATCH, &no_priority);
}

}  // namespace

struct AccessLogWriter::Ring {
  explicit Ring(Doorbell& bell) : doorbell(bell) {}
  ByteRing bytes;
  Doorbell& doorbell;
};

AccessLogWriter::AccessLogWriter(Ring* ring) : ring_(ring) {
  if (ring_ != nullptr) line_.emplace();
}

bool AccessLogWriter::write(const AccessRecord& record) {
  if (ring_ == nullptr) return true;
  const bool has_room = ring_->bytes.push(line_->format(record));
  if (ring_->bytes.is_over_half()) ring_->doorbell.ring_if_asleep();
  return has_room;
}

/// Carries lines from the rings to the file, and is the only one that touches it.
class AccessLog::Thread {
 public:
  explicit Thread(const std::string& path) : file_(path) {
    // Signals are the control thread's. A write to a closed pipe then only fails, whatever SIGPIPE is set to.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread_.native_handle(), "access-log");
  }
  ~Thread() {
    is_stopping_ = true;
    doorbell_.ring();
    thread_.join();
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  AccessLogWriter::Ring* add_ring() {
    const std::lock_guard lock(rings_mutex_);
    return rings_.emplace_back(std::make_unique<AccessLogWriter::Ring>(doorbell_)).get();
  }
  void reopen() {
    is_reopening_ = true;
    doorbell_.ring();
  }
  std::uint64_t lost_lines() const { return lost_.load(std::memory_order_relaxed); }

 private:
  void run();
  void reopen_file();
  void empty(ByteRing& ring);
  std::size_t write_some(std::string_view bytes);
  bool wait_until_ready();
  void lose(ByteRing& ring, std::size_t size);
  void complain(const std::string& why);

  LogFile file_;
  Doorbell doorbell_;
  std::mutex rings_mutex_;  ///< Guards the list; the rings need no lock.
  std::vector<std::unique_ptr<AccessLogWriter::Ring>> rings_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_reopening_{false};
  std::atomic<std::uint64_t> lost_{0};
  // The thread's own.
  char last_byte_ = '\n';    ///< Written to the file; another than a newline when an error cut a line.
  milliseconds stalled_{0};  ///< Waited in vain since stopping began.
  std::optional<std::chrono::steady_clock::time_point> last_complaint_;
  std::thread thread_;  ///< Last: it uses the others.
};

void AccessLog::Thread::run() {
  step_behind_workers();
  std::vector<AccessLogWriter::Ring*> rings;
  for (;;) {
    const bool is_last_round = is_stopping_;
    if (is_reopening_.exchange(false)) reopen_file();
    {
      const std::lock_guard lock(rings_mutex_);
      for (std::size_t i = rings.size(); i < rings_.size(); ++i) rings.push_back(rings_[i].get());
    }
    for (AccessLogWriter::Ring* ring : rings) empty(ring->bytes);
    if (is_last_round) return;
    doorbell_.wait(kInterval);
  }
}

void AccessLog::Thread::reopen_file() {
  if (const auto error = file_.reopen())
    return complain("cannot be opened again, the old file stays in use: " + error.message());
  last_byte_ = '\n';
}

/// A ring always holds whole lines, so emptying one after the other keeps lines whole. What is pushed meanwhile is left
/// for the next round, so that no worker's ring is kept waiting by another's.
void AccessLog::Thread::empty(ByteRing& ring) {
  std::size_t left = ring.size();
  if (left == 0) return;
  if (last_byte_ != '\n' && write_some("\n") == 0) return lose(ring, left);
  while (left > 0) {
    const std::size_t written = write_some(ring.front().substr(0, left));
    if (written == 0) return lose(ring, left);
    ring.pop(written);
    left -= written;
  }
}

/// How many of `bytes` the file took; 0 after an error.
std::size_t AccessLog::Thread::write_some(std::string_view bytes) {
  while (wait_until_ready()) {
    const auto written = file_.write_some(bytes);
    if (written) {
      last_byte_ = bytes[*written - 1];
      stalled_ = {};
      return *written;
    }
    if (written.error() == boost::system::errc::resource_unavailable_try_again) continue;
    complain("cannot be written, lines are lost: " + written.error().message());
    return 0;
  }
  complain("takes no bytes, what was left is lost");
  return 0;
}

/// False when the log is to end and the file still takes nothing.
bool AccessLog::Thread::wait_until_ready() {
  while (!file_.is_ready(stalled_ < kLastWait ? kInterval : milliseconds(0))) {
    if (!is_stopping_) continue;
    if (stalled_ >= kLastWait) return false;
    stalled_ += kInterval;
  }
  return true;
}

void AccessLog::Thread::lose(ByteRing& ring, std::size_t size) {
  while (size > 0) {
    const std::string_view part = ring.front().substr(0, size);
    lost_.fetch_add(static_cast<std::uint64_t>(std::count(part.begin(), part.end(), '\n')), std::memory_order_relaxed);
    ring.pop(part.size());
    size -= part.size();
  }
}

/// To stderr, at most once a minute, and not if that would wait.
void AccessLog::Thread::complain(const std::string& why) {
  const auto now = std::chrono::steady_clock::now();
  if (last_complaint_ && now - *last_complaint_ < kComplaintInterval) return;
  last_complaint_ = now;
  pollfd wanted{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&wanted, 1, 0) <= 0) return;
  const std::string line = "sandgate: access log " + file_.path() + " " + why + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

AccessLog::AccessLog(const std::string& path) : thread_(path == "off" ? nullptr : std::make_unique<Thread>(path)) {}

AccessLog::~AccessLog() = default;

std::unique_ptr<AccessLogWriter> AccessLog::make_writer() {
  return std::unique_ptr<AccessLogWriter>(new AccessLogWriter(thread_ ? thread_->add_ring() : nullptr));
}

void AccessLog::reopen() {
  if (thread_) thread_->reopen();
}

std::uint64_t AccessLog::lost_lines() const { return thread_ ? thread_->lost_lines() : 0; }

}  // namespace sandgate::proxy

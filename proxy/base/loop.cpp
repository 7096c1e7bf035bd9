#include <proxy/base/loop.hpp>

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>

namespace sandgate::proxy {
namespace {

constexpr int kEventsPerWait = 256;
constexpr int kShortRound = 3;  // events

UniqueFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return UniqueFd(fd);
}

}  // namespace

Loop::Loop()
    : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      mail_fd_(checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      now_(Clock::now()),
      wheel_(now_) {
  watch(mail_fd_.number(), EPOLLIN | EPOLLET, mailbox_);
}

Loop::~Loop() = default;

void Loop::run() {
  is_running_ = true;
  while (is_running_) run_once(std::chrono::milliseconds(-1));
}

void Loop::stop() { is_running_ = false; }

void Loop::run_once(std::chrono::milliseconds longest) {
  std::array<epoll_event, kEventsPerWait> events;
  std::chrono::milliseconds wait = wheel_.until_next(now_);
  if (wait.count() < 0 || (longest.count() >= 0 && longest < wait)) wait = longest;
  if (!scheduled_.empty() || has_writes()) wait = std::chrono::milliseconds(0);
  const int count = epoll_wait(epoll_.number(), events.data(), kEventsPerWait, static_cast<int>(wait.count()));
  now_ = Clock::now();
  is_short_ = count <= kShortRound;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    static_cast<EventSource*>(event.data.ptr)->note(event.events);
  }
  wheel_.advance(now_);
  if (mailbox_.has_mail) take_mail();
  run_scheduled();
}

void Loop::schedule(Runnable& runnable) {
  if (!runnable.is_linked()) scheduled_.push_back(runnable);
}

void Loop::watch(int fd, std::uint32_t epoll_events, EventSource& source) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = &source;
  if (epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, fd, &event) < 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

void Loop::unwatch(int fd) { epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, fd, nullptr); }

void Loop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    mail_.push_back(std::move(work));
    if (mail_.size() > 1) return;  // The loop was told already.
  }
  eventfd_write(mail_fd_.number(), 1);
}

void Loop::take_mail() {
  mailbox_.has_mail = false;
  eventfd_t ignored = 0;
  eventfd_read(mail_fd_.number(), &ignored);
  std::vector<std::function<void()>> mail;
  {
    const std::lock_guard lock(mutex_);
    mail.swap(mail_);
  }
  for (const auto& work : mail) work();
}

void Loop::run_scheduled() {
  run_all(scheduled_);
  run_all(toward_services_);
  run_all(toward_clients_);
}

/// What is added while these run waits for the next round: sockets get their turn in between.
void Loop::run_all(Runnables& waiting) {
  batch_.swap(waiting);
  while (!batch_.empty()) {
    Runnable& runnable = batch_.front();
    batch_.pop_front();
    runnable.run_(runnable);
  }
}

}  // namespace sandgate::proxy

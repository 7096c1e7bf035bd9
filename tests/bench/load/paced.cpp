#include <tests/bench/load/paced.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <fcntl.h>
#include <iostream>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <vector>

namespace sandgate::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

/// One connection, and the requests that are due on it, the first of which is under way.
class Lane {
 public:
  explicit Lane(const Target& target) : client_(target) {
    client_.get("/");
    ::fcntl(client_.socket(), F_SETFL, ::fcntl(client_.socket(), F_GETFL) | O_NONBLOCK);
  }
  int socket() const { return client_.socket(); }

  void request(Clock::time_point due) {
    due_.push_back(due);
    if (due_.size() == 1) client_.ask("/");
  }
  void go_on(std::vector<double>& latencies) {
    client_.read_waiting(answer_);
    if (due_.empty() || !answer_.ends_with('}')) return;  // The service's small answer ends with its only one.
    if (!answer_.starts_with("HTTP/1.1 200")) throw std::runtime_error("answered with something else than 200");
    answer_.clear();
    latencies.push_back(Microseconds(Clock::now() - due_.front()).count());
    due_.pop_front();
    if (!due_.empty()) client_.ask("/");
  }

 private:
  TlsClient client_;
  std::deque<Clock::time_point> due_;
  std::string answer_;
};

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size() - 1)))];
}

void wait_for_events(int epoll, Clock::time_point until, std::vector<Lane>& lanes, std::vector<double>& latencies) {
  const auto left = std::max<std::int64_t>(0, std::chrono::nanoseconds(until - Clock::now()).count());
  const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
  std::array<epoll_event, 64> events;
  const int count = ::epoll_pwait2(epoll, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) lanes[events[static_cast<std::size_t>(i)].data.u32].go_on(latencies);
}

}  // namespace

void run_paced(const Target& target, const Pace& pace) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  const proxy::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  std::vector<Lane> lanes;
  lanes.reserve(static_cast<std::size_t>(pace.connections));
  for (int i = 0; i < pace.connections; ++i) {
    lanes.emplace_back(target);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<std::uint32_t>(i);
    ::epoll_ctl(epoll.number(), EPOLL_CTL_ADD, lanes.back().socket(), &event);
  }
  const auto total = static_cast<std::size_t>(pace.seconds * pace.rate);
  const std::chrono::duration<double> interval(1 / pace.rate);
  std::vector<double> latencies;
  latencies.reserve(total);
  const auto begin = Clock::now();
  for (std::size_t sent = 0; latencies.size() < total;) {
    const auto due = begin + std::chrono::duration_cast<Clock::duration>(interval * static_cast<double>(sent));
    if (sent < total && Clock::now() >= due) {
      lanes[sent++ % lanes.size()].request(due);
    } else {
      wait_for_events(epoll.number(), sent < total ? due : Clock::now() + kPatience, lanes, latencies);
    }
    if (Clock::now() - begin > std::chrono::duration<double>(pace.seconds) + kPatience)
      throw std::runtime_error("answers did not come in time");
  }
  std::sort(latencies.begin(), latencies.end());
  std::cout << "{\"count\":" << total << ",\"p50_us\":" << percentile(latencies, 0.5)
            << ",\"p99_us\":" << percentile(latencies, 0.99) << ",\"p999_us\":" << percentile(latencies, 0.999) << "}"
            << std::endl;
}

}  // namespace sandgate::bench

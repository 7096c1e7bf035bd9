#include <proxy/base/small_memory.hpp>
#include <tests/faults/trial.hpp>

#include <fcntl.h>
#include <thread>

namespace sandgate::tests {
namespace {

// Of the edge's clock: longer than any deadline that a fault may lead to, shorter than those that would hide a stall.
constexpr std::chrono::seconds kLongest{40};
constexpr int kMostRounds = 20'000;

int open_descriptors() {
  constexpr int kMost = 256;
  int count = 0;
  for (int fd = 0; fd < kMost; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

class Run {
 public:
  Run(Foundation& foundation, SSL_CTX* client_tls, const Shape& shape)
      : client_tls_(client_tls), shape_(shape), edge_(foundation) {}

  void run(std::optional<Fault> fault, Trial& trial) {
    Faults::begin(fault);
    const Answer first = exchange(trial);
    for (std::size_t i = 0; i < kOperations; ++i) trial.counts[i] = Faults::count(static_cast<Operation>(i));
    trial.has_happened = Faults::has_happened();
    judge(first, trial);
    Faults::begin(std::nullopt);
    const Answer second = exchange(trial);
    if (!second.is_whole || !is_right(second)) trial.wrong.push_back("the next exchange failed");
    rest(trial);
    for (std::string& leftover : edge_.leftovers()) trial.wrong.push_back(std::move(leftover));
    trial.exchanges = edge_.outcomes().size();
    if (trial.exchanges != edge_.begun()) trial.wrong.push_back("an exchange began that is not in the log");
  }

 private:
  /// Until the client has its answer and has left, and nothing is under way.
  Answer exchange(Trial& trial) {
    Client client(edge_.port(), client_tls_, shape_.script(sandbox_.port()));
    const auto began = Faults::jumped();
    for (int round = 0; !client.is_done(); ++round) {
      const bool has_moved = sandbox_.move() | client.move();
      edge_.run_round(!has_moved);
      if (round < kMostRounds && Faults::jumped() - began < kLongest) continue;
      trial.wrong.push_back("the client was kept waiting");
      break;
    }
    client.close();
    settle(trial);
    return client.answer();
  }

  /// Rounds until no client is connected and nothing moves any more.
  void settle(Trial& trial) {
    const auto began = Faults::jumped();
    for (int round = 0, still = 0; still < 3; ++round) {
      const bool has_moved = sandbox_.move();
      edge_.run_round(!has_moved && !edge_.is_quiet());
      still = edge_.is_quiet() && !has_moved ? still + 1 : 0;
      if (round < kMostRounds && Faults::jumped() - began < kLongest) continue;
      return trial.wrong.push_back("a connection stays open");
    }
  }

  /// Until connections to the sandbox have been idle for long enough.
  void rest(Trial& trial) {
    for (int round = 0; edge_.has_idle(); ++round) {
      sandbox_.move();
      edge_.run_round(true);
      if (round >= kMostRounds) return trial.wrong.push_back("an idle connection is kept");
    }
  }

  /// Not a refusal, which to gRPC is a 200 without a body.
  bool is_right(const Answer& answer) const {
    return answer.status == shape_.expected_status && (answer.status != 200 || answer.body == shape_.expected_body);
  }

  /// What the client saw and what the books say must agree.
  void judge(const Answer& answer, Trial& trial) {
    const std::vector<std::string> outcomes = edge_.outcomes();
    trial.outcome = outcomes.empty() ? "none" : outcomes.front();
    const bool is_expected = trial.outcome == shape_.expected_outcome;
    if (outcomes.size() > 1) trial.wrong.push_back("more than one exchange was counted");
    if (!answer.is_whole) return;
    if (outcomes.empty()) trial.wrong.push_back("an answer that nobody counted");
    const bool is_success = is_right(answer);
    const bool may_end_later = answer.status == 101;  // A tunnel whose end failed.
    if (is_success != is_expected && !may_end_later) {
      trial.wrong.push_back("status " + std::to_string(answer.status) + " but outcome " + trial.outcome);
    }
    const bool is_cut = answer.status == 200 && !answer.body.empty() && answer.body != shape_.expected_body;
    if (is_cut) trial.wrong.push_back("a wrong body that looks whole");
  }

  SSL_CTX* client_tls_;
  const Shape& shape_;
  Sandbox sandbox_;
  Edge edge_;
};

}  // namespace

Trial try_fault(Foundation& foundation, SSL_CTX* client_tls, const Shape& shape, std::optional<Fault> fault) {
  Trial trial;
  const int descriptors = open_descriptors();
  std::thread([&] {
    proxy::free_small(proxy::allocate_small(1), 1);  // A thread's own, without which the C library ends the process.
    Run run(foundation, client_tls, shape);
    run.run(fault, trial);
  }).join();
  const int left_open = open_descriptors() - descriptors;
  if (left_open != 0) trial.wrong.push_back(std::to_string(left_open) + " descriptors stay open");
  return trial;
}

}  // namespace sandgate::tests

// The store's promise under SIGKILL: what was acknowledged is there.

#include <proxy/registry/store.hpp>
#include <tests/unit/proxy/registry/temporary_directory.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <poll.h>
#include <random>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace sandgate::proxy::registry {
namespace {

constexpr int kRounds = 10;
constexpr int kBatch = 3;
constexpr int kFirstAckTimeoutMs = 20'000;

Change numbered(std::uint32_t number) {
  const auto id = *SandboxId::parse("sandbox" + std::to_string(number));
  return {id, *CheckedRecord::check(id, R"({"address":"10.0.0.1","max_connections":)" + std::to_string(number) + "}")};
}

/// Puts records for ever, in batches, and writes the first number of each batch to `acknowledged` once it is stored.
[[noreturn]] void put_until_killed(const std::string& path, std::uint32_t first, int acknowledged) {
  Registry registry;
  StoreSource store(path, registry);
  if (store.load()) ::_exit(2);
  for (std::uint32_t number = first;; number += kBatch) {
    std::vector<Change> changes;
    for (std::uint32_t i = 0; i < kBatch; ++i) changes.push_back(numbered(number + i));
    if (store.write(changes).has_error()) ::_exit(3);
    if (::write(acknowledged, &number, sizeof number) != sizeof number) ::_exit(4);
  }
}

/// Every number that can be read before `fd` ends.
std::vector<std::uint32_t> read_numbers(int fd) {
  std::vector<std::uint32_t> numbers;
  std::uint32_t number = 0;
  while (::read(fd, &number, sizeof number) == sizeof number) numbers.push_back(number);
  return numbers;
}

/// The acknowledged batches of a child that was killed `delay_us` after its first acknowledgement.
std::vector<std::uint32_t> run_and_kill(const std::string& path, std::uint32_t first, unsigned delay_us) {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(pipe[0]);
    put_until_killed(path, first, pipe[1]);
  }
  ::close(pipe[1]);
  pollfd waiting{pipe[0], POLLIN, 0};
  const int ready = ::poll(&waiting, 1, kFirstAckTimeoutMs);
  ::usleep(delay_us);  // the moment of the kill is the test's input, not something it waits for
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  auto numbers = read_numbers(pipe[0]);
  ::close(pipe[0]);
  REQUIRE(ready == 1);
  REQUIRE(WIFSIGNALED(status));
  return numbers;
}

TEST_CASE("store: every acknowledged record survives kill -9, and no batch is halved", "[store][kill]") {
  TemporaryDirectory directory;
  const auto path = directory.file("sandboxes.db");
  std::mt19937 random(20261123);
  std::uniform_int_distribution<unsigned> delay_us(0, 30'000);
  std::vector<std::uint32_t> acknowledged;
  std::uint32_t next = 0;

  for (int round = 0; round < kRounds; ++round) {
    const auto numbers = run_and_kill(path, next, delay_us(random));
    REQUIRE_FALSE(numbers.empty());
    acknowledged.insert(acknowledged.end(), numbers.begin(), numbers.end());
    next = numbers.back() + 2 * kBatch;  // past the batch that may be stored without having been acknowledged

    Registry registry;
    StoreSource store(path, registry);
    REQUIRE_FALSE(store.load());
    CHECK(registry.invalid_records().empty());
    CHECK(registry.table().size() % kBatch == 0);
    for (const std::uint32_t first : acknowledged) {
      for (std::uint32_t number = first; number < first + kBatch; ++number) {
        const auto lookup = registry.table().find(*SandboxId::parse("sandbox" + std::to_string(number)));
        REQUIRE(lookup.route);
        REQUIRE(lookup.route->max_connections == static_cast<std::int32_t>(number));
      }
    }
  }
}

}  // namespace
}  // namespace sandgate::proxy::registry

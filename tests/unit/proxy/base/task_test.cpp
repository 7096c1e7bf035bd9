#include <proxy/base/fork.hpp>
#include <proxy/base/loop.hpp>
#include <proxy/base/task.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace sandgate::proxy {
namespace {

Task<int> give(int value) { co_return value; }

Task<long> add_up(int count) {
  long total = 0;
  for (int i = 0; i < count; ++i) total += co_await give(i);
  co_return total;
}

Task<int> give_later(Loop& loop, int value) {
  co_await Sleep(loop, loop.now() + std::chrono::milliseconds(1));
  co_return value;
}

Task<void> fail_later(Loop& loop) {
  co_await Sleep(loop, loop.now() + std::chrono::milliseconds(1));
  throw std::runtime_error("late");
}

template <class T>
Detached run(Task<T> task, std::unique_ptr<T>& result) {
  result = std::make_unique<T>(co_await std::move(task));
}

template <class T>
T run_until_done(Loop& loop, Task<T> task) {
  std::unique_ptr<T> result;
  run(std::move(task), result);
  for (int i = 0; i < 1'000 && !result; ++i) loop.run_once(std::chrono::milliseconds(10));
  REQUIRE(result);
  return std::move(*result);
}

}  // namespace

TEST_CASE("task: a million that finish at once do not grow the stack", "[task]") {
  Loop loop;
  CHECK(run_until_done(loop, add_up(1'000'000)) == 499'999'500'000);
}

TEST_CASE("task: one that waits resumes its awaiter with its value", "[task]") {
  Loop loop;
  CHECK(run_until_done(loop, give_later(loop, 7)) == 7);
}

TEST_CASE("task: an exception reaches the awaiter, also after a wait", "[task]") {
  Loop loop;
  const auto caught = [](Loop& over) -> Task<std::string> {
    try {
      co_await fail_later(over);
    } catch (const std::runtime_error& error) {
      co_return error.what();
    }
    co_return "nothing";
  };
  CHECK(run_until_done(loop, caught(loop)) == "late");
}

TEST_CASE("fork: a task runs beside its owner and is joined", "[task]") {
  Loop loop;
  const auto both = [](Loop& over) -> Task<int> {
    int beside = 0;
    const auto work = [](Loop& of, int& into) -> Task<void> { into = co_await give_later(of, 3); };
    Fork fork(over, work(over, beside));
    const int own = co_await give_later(over, 4);
    co_await fork.join();
    co_return own * 10 + beside;
  };
  CHECK(run_until_done(loop, both(loop)) == 43);
}

TEST_CASE("fork: what its task throws comes out of join", "[task]") {
  Loop loop;
  const auto joined = [](Loop& over) -> Task<bool> {
    Fork fork(over, fail_later(over));
    try {
      co_await fork.join();
    } catch (const std::runtime_error&) {
      co_return true;
    }
    co_return false;
  };
  CHECK(run_until_done(loop, joined(loop)));
}

TEST_CASE("loop: work posted from another place runs, in order", "[loop]") {
  Loop loop;
  std::string order;
  loop.post([&] { order += 'a'; });
  loop.post([&] {
    order += 'b';
    loop.post([&] { order += 'd'; });
  });
  loop.post([&] { order += 'c'; });
  for (int i = 0; i < 3; ++i) loop.run_once(std::chrono::milliseconds(10));
  CHECK(order == "abcd");
}

}  // namespace sandgate::proxy

#include <proxy/base/fork.hpp>
#include <proxy/base/signal.hpp>

#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <string>

namespace sandgate::proxy {
namespace {

using std::chrono::milliseconds;

/// Waits again and again; writes down how each wait ended.
Companion wait_always(Signal& signal, std::string& log) {
  for (;;) log += co_await signal.wait() ? 's' : 'd';
}

Companion wait_once(Loop& loop, Signal& signal, milliseconds patience, std::string& log) {
  const bool was_told = co_await signal.wait(loop.now() + patience);
  log += was_told ? 's' : 'd';
}

void turn(Loop& loop, int rounds = 1) {
  for (int i = 0; i < rounds; ++i) loop.run_once(milliseconds(0));
}

void run_until(Loop& loop, const std::function<bool()>& is_done) {
  for (int i = 0; i < 1'000 && !is_done(); ++i) loop.run_once(milliseconds(10));
  REQUIRE(is_done());
}

}  // namespace

TEST_CASE("signal: set before the wait, the wait goes straight on, once", "[signal]") {
  Loop loop;
  Signal signal(loop);
  signal.set();
  signal.set();  // Kept once: it says that something happened, not how often.
  std::string log;
  const Companion waiting = wait_always(signal, log);
  CHECK(log == "s");
  turn(loop, 3);
  CHECK(log == "s");
}

TEST_CASE("signal: set during the wait, the waiter runs from the loop, not inside the call", "[signal]") {
  Loop loop;
  Signal signal(loop);
  std::string log;
  const Companion waiting = wait_always(signal, log);
  signal.set();
  CHECK(log.empty());
  turn(loop);
  CHECK(log == "s");
}

TEST_CASE("signal: it can be waited for again and again", "[signal]") {
  Loop loop;
  Signal signal(loop);
  std::string log;
  const Companion waiting = wait_always(signal, log);
  for (std::size_t i = 1; i <= 5; ++i) {
    signal.set();
    signal.set();
    turn(loop, 2);
    CHECK(log == std::string(i, 's'));
  }
}

TEST_CASE("signal: a deadline that passes first ends the wait, and the next wait is unaffected", "[signal]") {
  Loop loop;
  Signal signal(loop);
  std::string log;
  const Companion first = wait_once(loop, signal, milliseconds(1), log);
  run_until(loop, [&] { return !log.empty(); });
  CHECK(log == "d");
  const Companion second = wait_once(loop, signal, std::chrono::hours(1), log);
  turn(loop, 2);
  CHECK(log == "d");
  signal.set();
  turn(loop);
  CHECK(log == "ds");
}

TEST_CASE("signal: one that is set in time is not taken for late when its deadline passes too", "[signal]") {
  Loop loop;
  Signal signal(loop);
  std::string log;
  const Companion waiting = wait_once(loop, signal, milliseconds(1), log);
  signal.set();
  run_until(loop, [&] { return !log.empty(); });
  CHECK(log == "s");
  CHECK_FALSE([&] {  // Nothing is kept of it, and nothing is armed.
    std::string rest;
    const Companion again = wait_always(signal, rest);
    turn(loop, 3);
    return !rest.empty();
  }());
}

TEST_CASE("companion: destroyed while it waits, it is gone with everything it held", "[signal]") {
  Loop loop;
  const auto held = std::make_shared<int>(1);
  const auto hold = [](std::shared_ptr<int> what, Signal& signal, std::string& log) -> Companion {
    co_await signal.wait();
    log += static_cast<char>('0' + *what);
  };
  std::string log;
  {
    Signal signal(loop);
    const Companion companion = hold(held, signal, log);
    CHECK(held.use_count() == 2);
    SECTION("while it waits") {}
    SECTION("while it is about to be resumed") { signal.set(); }
  }
  CHECK(held.use_count() == 1);
  turn(loop, 2);
  CHECK(log.empty());
}

TEST_CASE("companion: one that has ended is destroyed as well, and may be replaced", "[signal]") {
  Loop loop;
  Signal signal(loop);
  std::string log;
  Companion companion = wait_once(loop, signal, std::chrono::hours(1), log);
  signal.set();
  turn(loop);
  CHECK(log == "s");
  companion = wait_once(loop, signal, std::chrono::hours(1), log);
  signal.set();
  turn(loop);
  CHECK(log == "ss");
}

TEST_CASE("yield: everything else that is ready has its turn first", "[signal]") {
  Loop loop;
  std::string log;
  const auto walk = [](Loop& over, char name, std::string& into) -> Companion {
    for (int i = 0; i < 3; ++i) {
      into += name;
      co_await Yield(over);
    }
  };
  const Companion first = walk(loop, 'a', log);
  const Companion second = walk(loop, 'b', log);
  turn(loop, 4);
  CHECK(log == "ababab");
}

}  // namespace sandgate::proxy

#include <proxy/base/fork.hpp>
#include <proxy/base/loop.hpp>
#include <tests/support/busy_loop.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace sandgate::proxy {
namespace {

constexpr std::chrono::milliseconds kNoWait{0};

/// Becomes ready with the others, reads, writes at the round's end, and does so again.
struct Reader {
  Loop& loop;
  std::vector<std::string>& steps;

  Detached read_and_write(std::string name, int times, Toward toward = Toward::client) {
    for (int i = 0; i < times; ++i) {
      co_await Yield(loop);
      steps.push_back(name + " reads");
      co_await loop.after_others(toward);
      steps.push_back(name + " writes");
    }
  }
};

}  // namespace

TEST_CASE("loop: what is written in a round leaves after everything that was ready has run", "[base]") {
  BusyLoop loop;
  std::vector<std::string> steps;
  Reader reader{loop, steps};
  reader.read_and_write("a", 1);
  reader.read_and_write("b", 1);
  reader.read_and_write("c", 1);
  loop.run_once(kNoWait);
  CHECK(steps == std::vector<std::string>{"a reads", "b reads", "c reads", "a writes", "b writes", "c writes"});
}

TEST_CASE("loop: what goes to services is written before what goes to clients", "[base]") {
  BusyLoop loop;
  std::vector<std::string> steps;
  Reader reader{loop, steps};
  reader.read_and_write("answer", 1, Toward::client);
  reader.read_and_write("request", 1, Toward::service);
  reader.read_and_write("another answer", 1, Toward::client);
  loop.run_once(kNoWait);
  CHECK(steps == std::vector<std::string>{"answer reads", "request reads", "another answer reads", "request writes",
                                          "answer writes", "another answer writes"});
}

TEST_CASE("loop: in a short round everybody writes at once", "[base]") {
  Loop loop;
  std::vector<std::string> steps;
  Reader reader{loop, steps};
  reader.read_and_write("answer", 1, Toward::client);
  reader.read_and_write("request", 1, Toward::service);
  loop.run_once(kNoWait);
  CHECK(steps == std::vector<std::string>{"answer reads", "answer writes", "request reads", "request writes"});
}

TEST_CASE("loop: who is alone in a round writes at once", "[base]") {
  BusyLoop loop;
  std::vector<std::string> steps;
  Reader reader{loop, steps};
  reader.read_and_write("a", 1);
  loop.run_once(kNoWait);
  CHECK(steps == std::vector<std::string>{"a reads", "a writes"});
}

TEST_CASE("loop: what becomes ready while a round ends waits for the next", "[base]") {
  BusyLoop loop;
  std::vector<std::string> steps;
  Reader reader{loop, steps};
  reader.read_and_write("a", 2);
  reader.read_and_write("b", 2);
  loop.run_once(kNoWait);
  CHECK(steps == std::vector<std::string>{"a reads", "b reads", "a writes", "b writes"});
  steps.clear();
  loop.run_once(std::chrono::seconds(10));  // Does not wait: there is something to do.
  CHECK(steps == std::vector<std::string>{"a reads", "b reads", "a writes", "b writes"});
}

}  // namespace sandgate::proxy

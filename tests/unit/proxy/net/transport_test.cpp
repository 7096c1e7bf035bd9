#include <proxy/base/fork.hpp>
#include <proxy/net/transport.hpp>
#include <tests/support/busy_loop.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace sandgate::proxy::net {
namespace {

Detached read_singly(Transport& transport, std::size_t count, bool& is_done) {
  for (std::size_t i = 0; i < count; ++i) {
    char byte = 0;
    if (co_await transport.wait_readable(kNever) != Io::ok) co_return;
    static_cast<void>(co_await transport.read(&byte, 1, kNever));
  }
  is_done = true;
}

Detached count_turns(Loop& loop, const bool& is_done, int& turns) {
  while (!is_done) {
    co_await Yield(loop);
    ++turns;
  }
}

Detached connect(Transport& transport, std::optional<Io>& outcome) { outcome = co_await transport.connected(kNever); }

/// In the next round, with whatever else is ready then.
Detached write_next(Transport& transport, std::string name, std::vector<std::string>& written) {
  co_await Yield(transport.loop());
  const Io outcome = co_await transport.write(name, std::chrono::minutes(1));
  written.push_back(outcome == Io::ok ? name : "failed");
}

Detached write_all(Transport& transport, const std::string& bytes, std::optional<Io>& outcome) {
  outcome = co_await transport.write(bytes, std::chrono::minutes(1));
}

}  // namespace

// TLS can make a reader wait for what a writer waits for: neither is forgotten.
TEST_CASE("transport: who would wait where another waits is told that the connection is broken", "[transport]") {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  const UniqueFd peer(ends[1]);  // Reads nothing.
  Loop loop;
  BufferPool buffers;
  Transport transport(loop, buffers, UniqueFd(ends[0]));
  const std::string bytes(4 << 20, 'x');
  std::optional<Io> first;
  std::optional<Io> second;
  write_all(transport, bytes, first);
  for (int i = 0; i < 5; ++i) loop.run_once(std::chrono::milliseconds(0));
  write_all(transport, bytes, second);
  for (int i = 0; i < 5; ++i) loop.run_once(std::chrono::milliseconds(0));
  CHECK_FALSE(first.has_value());
  CHECK(second == Io::broken);
  transport.abort();
  loop.run_once(std::chrono::milliseconds(0));
  CHECK(first == Io::cancelled);
}

// hardening O-FAIR
TEST_CASE("transport: a peer that always has a byte more lets others have their turn", "[transport]") {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  const UniqueFd peer(ends[1]);
  const std::string bytes(320, 'x');
  REQUIRE(::write(peer.number(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  Loop loop;
  BufferPool buffers;
  Transport transport(loop, buffers, UniqueFd(ends[0]));
  bool is_done = false;
  int turns = 0;
  read_singly(transport, bytes.size(), is_done);
  count_turns(loop, is_done, turns);
  for (int i = 0; i < 1000 && !is_done; ++i) loop.run_once(std::chrono::milliseconds(0));
  CHECK(is_done);
  CHECK(turns >= 15);
  loop.run_once(std::chrono::milliseconds(0));
}

// A service works while answers are sealed and sent.
TEST_CASE("transport: a request leaves before the answers of the same round", "[transport]") {
  BusyLoop loop;
  BufferPool buffers;
  std::vector<UniqueFd> peers;
  const auto pair = [&] {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    peers.emplace_back(ends[1]);
    return UniqueFd(ends[0]);
  };
  Transport to_client(loop, buffers, pair());
  Transport to_service(loop, buffers, pair());
  Transport to_another_client(loop, buffers, pair());
  std::optional<Io> is_connected;
  connect(to_service, is_connected);
  loop.run_once(std::chrono::milliseconds(0));
  REQUIRE(is_connected == Io::ok);
  std::vector<std::string> written;
  write_next(to_client, "answer", written);
  write_next(to_service, "request", written);
  write_next(to_another_client, "another answer", written);
  loop.run_once(std::chrono::milliseconds(0));
  CHECK(written == std::vector<std::string>{"request", "answer", "another answer"});
}

}  // namespace sandgate::proxy::net

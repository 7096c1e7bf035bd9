// load: the loads of the comparison that wrk and h2load do not make. Each is bounded in time and prints one JSON object.
//
//   bench_load handshakes PORT HOST SECONDS full|resumed     connect, shake hands, close, one after the other
//   bench_load idle       PORT HOST CONNECTIONS              one request each, then held until stdin ends
//   bench_load echo       PORT HOST SECONDS BYTES CONNECTIONS    one message in flight on each
//   bench_load paced      PORT HOST SECONDS RATE CONNECTIONS     requests at a rate; latency from when each was due
//   bench_load slow       PORT HOST SECONDS CONNECTIONS      downloads, each read at 2 KiB a second
#include <tests/bench/load/paced.hpp>
#include <tests/bench/load/tls_client.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <thread>
#include <vector>

namespace sandgate::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;

double seconds_since(Clock::time_point begin) { return duration<double>(Clock::now() - begin).count(); }

/// Runs `work(i)` on a thread for each connection; the first failure is thrown when all have ended.
void on_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  std::atomic<bool> has_failed{false};
  std::string failure;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        work(i);
      } catch (const std::exception& error) {
        if (!has_failed.exchange(true)) failure = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (has_failed) throw std::runtime_error(failure);
}

void run_handshakes(const Target& target, double seconds, bool resume) {
  SessionPtr session;
  if (resume) {
    TlsClient first(target);
    first.get("/");  // The ticket comes with the answer.
    session = first.session();
    first.close();
  }
  const auto begin = Clock::now();
  int count = 0;
  int resumed = 0;
  for (; seconds_since(begin) < seconds; ++count) {
    TlsClient client(target, session.get());
    resumed += client.is_resumed() ? 1 : 0;
    client.close();
  }
  if (resumed != (resume ? count : 0)) throw std::runtime_error("not resumed as asked");
  std::cout << "{\"count\":" << count << ",\"seconds\":" << seconds_since(begin) << "}" << std::endl;
}

void hold_idle(const Target& target, int connections) {
  std::vector<std::unique_ptr<TlsClient>> clients;
  for (int i = 0; i < connections; ++i) {
    clients.push_back(std::make_unique<TlsClient>(target));
    clients.back()->get("/");
  }
  std::cout << "{\"count\":" << clients.size() << "}" << std::endl;
  std::cin.get();
}

void run_echo(const Target& target, double seconds, std::size_t bytes, int connections) {
  std::atomic<std::uint64_t> messages{0};
  const auto begin = Clock::now();
  on_threads(connections, [&](int) {
    TlsClient client(target);
    client.upgrade();
    const std::string message(bytes, 'm');
    std::string echo(bytes, ' ');
    do {
      client.write(message);
      for (std::size_t at = 0; at < bytes;) {
        const std::size_t got = client.read(echo.data() + at, bytes - at);
        if (got == 0) throw std::runtime_error("ended within an echo");
        at += got;
      }
      messages.fetch_add(1, std::memory_order_relaxed);
    } while (seconds_since(begin) < seconds);
    if (echo != message) throw std::runtime_error("not what was sent");
  });
  std::cout << "{\"count\":" << messages << ",\"seconds\":" << seconds_since(begin) << "}" << std::endl;
}

void read_slowly(Target target, double seconds, int connections) {
  target.receive_buffer = 16 * 1024;
  std::vector<std::unique_ptr<TlsClient>> clients;
  for (int i = 0; i < connections; ++i) {
    clients.push_back(std::make_unique<TlsClient>(target));
    clients.back()->ask("/bytes/1000000000");
  }
  std::cout << "{\"count\":" << clients.size() << "}" << std::endl;
  const auto begin = Clock::now();
  std::array<char, 2048> sink;
  for (std::size_t i = 0; seconds_since(begin) < seconds; i = (i + 1) % clients.size()) {
    pollfd wanted{clients[i]->socket(), POLLIN, 0};
    if (::poll(&wanted, 1, 0) == 1) clients[i]->read(sink.data(), sink.size());
    std::this_thread::sleep_for(duration<double>(1.0 / connections));
  }
}

int run(const std::vector<std::string>& words) {
  const ContextPtr context = make_context();
  const Target target{static_cast<std::uint16_t>(std::stoi(words.at(1))), words.at(2), context.get()};
  const auto number = [&](std::size_t i) { return std::stod(words.at(i)); };
  const auto count = [&](std::size_t i) { return std::stoi(words.at(i)); };
  if (words[0] == "handshakes") {
    run_handshakes(target, number(3), words.at(4) == "resumed");
  } else if (words[0] == "idle") {
    hold_idle(target, count(3));
  } else if (words[0] == "echo") {
    run_echo(target, number(3), static_cast<std::size_t>(count(4)), count(5));
  } else if (words[0] == "paced") {
    run_paced(target, {number(3), number(4), count(5)});
  } else if (words[0] == "slow") {
    read_slowly(target, number(3), count(4));
  } else {
    return 64;
  }
  return 0;
}

}  // namespace
}  // namespace sandgate::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return sandgate::bench::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "bench_load: " << error.what() << "\n";
    return 1;
  }
}

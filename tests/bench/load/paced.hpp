// paced: requests at a fixed rate over many connections, one thread, and how long each took from when it was due.
//
// A request whose connection still waits for an answer waits for it too, and that time counts: a proxy that stalls is
// charged for every request it kept waiting.
#pragma once

#include <tests/bench/load/tls_client.hpp>

namespace sandgate::bench {

struct Pace {
  double seconds = 0;
  double rate = 0;  ///< Requests a second, all connections together.
  int connections = 0;
};

/// Prints count, p50_us, p99_us and p999_us.
void run_paced(const Target& target, const Pace& pace);

}  // namespace sandgate::bench

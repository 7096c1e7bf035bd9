// trial: one exchange with one fault in it, from a cold start, and everything that must hold afterwards.
//
//   a new thread: a new edge, sandbox and client ──▶ the exchange, with the fault ──▶ the client leaves ──▶ books
//     ──▶ another exchange through the same edge, without a fault ──▶ idle connections closed ──▶ books, descriptors
//
// The thread is new so that nothing is warm: coroutine frames are recycled for each thread.
#pragma once

#include <tests/faults/edge.hpp>
#include <tests/faults/faults.hpp>
#include <tests/faults/peers.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sandgate::tests {

/// An exchange of some kind.
struct Shape {
  std::string name;
  bool is_tls = false;
  std::string expected_outcome = "ok";
  int expected_status = 200;
  std::string expected_body = "hello";
  /// By the sandbox's port.
  std::function<Script(std::uint16_t)> script;
};

struct Trial {
  std::array<std::uint64_t, kOperations> counts{};  ///< Of the exchange with the fault.
  bool has_happened = false;
  std::string outcome;  ///< "none" when no exchange was counted.
  std::vector<std::string> wrong;
  std::uint64_t exchanges = 0;  ///< Counted, and so in the log.
};

Trial try_fault(Foundation& foundation, SSL_CTX* client_tls, const Shape& shape, std::optional<Fault> fault);

}  // namespace sandgate::tests

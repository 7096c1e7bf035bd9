// dial: connecting to a sandbox, with the patience its agent needs (contract 5).
//
// A refused connection is tried kTries times, 100, 200, 300 and 400 ms apart: the agent opens localhost-bound ports up
// to a second late. `connect` bounds one try, `connect_total` all of them. Anything but a refusal is not tried again.
#pragma once

#include <config/config.hpp>
#include <proxy/base/failure.hpp>
#include <proxy/upstream/connection.hpp>

#include <chrono>

namespace sandgate::proxy::upstream {

inline constexpr int kTries = 5;

struct DialOrder {
  config::Endpoint to;
  config::Timeouts timeouts;
  Attempt& attempt;
};

/// Fails with port_closed, sandbox_unreachable, overloaded (no descriptor, memory or port left), client_closed (abandoned).
Task<Result<std::unique_ptr<Connection>>> dial(Loop& loop, BufferPool& buffers, Connection::Owner& owner,
                                               DialOrder order);

}  // namespace sandgate::proxy::upstream

// report: what the edge tells its operator: one JSON line an event, to standard error.
//
// For events of the process (started, reloaded, a record is invalid, draining), not of exchanges. Control thread and
// start-up only; the data path never writes here.
#pragma once

#include <cstdint>
#include <string_view>

namespace sandgate::proxy {

enum class Severity : std::uint8_t { info, warning, error };

/// {"time":"...","level":"warning","message":"..."}; any bytes in `message` are escaped. Never a secret.
void report(Severity severity, std::string_view message);

}  // namespace sandgate::proxy

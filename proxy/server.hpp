// server: the process: limits, sockets, threads, and their end.
#pragma once

#include <config/config.hpp>

#include <string>

namespace sandgate::proxy {

/// Serves until a drain is over. 0 then; 78 when the configuration names something unusable (it is reported), 1 when
/// the system refuses (an address in use).
int run_server(config::Config config, const std::string& config_path);

}  // namespace sandgate::proxy

// configuration: what commands do with a configuration file before they do anything else.
#pragma once

#include <config/config.hpp>
#include <proxy/registry/registry.hpp>

#include <iosfwd>
#include <optional>
#include <string>

namespace sandgate::proxy::commands {

/// Nothing when something is wrong with the file: every problem has been printed, a line each.
std::optional<config::Config> load_configuration(const std::string& path, std::ostream& err);

/// The store that the configuration names is not there yet: `serve` will make it, other commands leave it alone.
bool is_store_absent(const config::Config& config);

/// Loads the records of the configuration's source, but for a store that is not there. What went wrong otherwise;
/// single bad records are told to `registry`'s callbacks only.
std::optional<std::string> load_records(const config::Config& config, registry::Registry& registry);

/// "sandbox abc: ports.8080.protocol: must be ..."
std::string describe(std::string_view id, const registry::RecordError& error);

}  // namespace sandgate::proxy::commands

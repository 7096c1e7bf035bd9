// configuration: what commands do with a configuration file before they do anything else.
#pragma once

#include <config/config.hpp>
#include <proxy/registry/registry.hpp>

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace sandgate::proxy::commands {

/// Nothing when something is wrong with the file: every problem has been printed, a line each.
std::optional<config::Config> load_configuration(const std::string& path, std::ostream& err);

/// The store that the configuration names is not there yet: `serve` will make it, other commands leave it alone.
bool is_store_absent(const config::Config& config);

/// Loads the records of the configuration's source, but for a store that is not there. What went wrong otherwise;
/// single bad records are told to `registry`'s callbacks only. `use` is called while the source is open: one that holds
/// only a part (Redis) may be asked for more then.
std::optional<std::string> load_records(const config::Config& config, registry::Registry& registry,
                                        const std::function<void(registry::Source& source)>& use = {});

/// "sandbox abc: ports.8080.protocol: must be ..."
std::string describe(std::string_view id, const registry::RecordError& error);

}  // namespace sandgate::proxy::commands

// make_source: the registry source a configuration names.
#pragma once

#include <config/config.hpp>
#include <proxy/registry/registry.hpp>

#include <memory>

namespace sandgate::proxy::registry {

/// Opens nothing: errors of opening are `load`'s. Null: this build has no such source.
std::unique_ptr<Source> make_source(const config::Config& config, Registry& registry);

}  // namespace sandgate::proxy::registry

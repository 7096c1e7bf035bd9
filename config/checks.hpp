// checks: the parts of `validate`, one for each part of the configuration. Internal to config/.
//
// A check appends a Violation for each rule that does not hold and never stops at the first.
#pragma once

#include <config/validate.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::config {

using Violations = std::vector<Violation>;

void check_domains(const Config& config, Violations& found);
void check_listeners(const Config& config, Violations& found);
void check_endpoints(const Config& config, Violations& found);  ///< Of listeners, admin and health together.
void check_access(const Access& access, Violations& found);
void check_registry(const Registry& registry, Violations& found);
void check_redis(const RedisRegistry& redis, Violations& found);
void check_kubernetes(const KubernetesRegistry& kubernetes, Violations& found);
void check_timeouts(const Timeouts& timeouts, Violations& found);
void check_limits(const Config& config, Violations& found);

/// "listeners[2]"
std::string indexed(std::string_view list, std::size_t index);

}  // namespace sandgate::config

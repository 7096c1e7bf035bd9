// reserved_path: which request paths are the control plane's own on the agent's port (contract 2).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::routing {

/// The path as the reserved list is compared with it: query removed, percent-decoded once, made absolute, dot segments
/// and doubled slashes removed, one trailing slash ignored. A malformed percent escape stands for itself, so that no
/// spelling of it hides a reserved path from the comparison.
std::string clean_path(std::string_view target);

/// The cleaned path when it is one of `reserved` exactly, else nothing.
std::optional<std::string> find_reserved(std::string_view target, const std::vector<std::string>& reserved);

}  // namespace sandgate::routing

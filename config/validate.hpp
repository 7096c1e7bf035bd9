// validate: the rules between fields of a configuration, each with its reason.
#pragma once

#include <config/config.hpp>

#include <string>
#include <vector>

namespace sandgate::config {

/// A rule that does not hold: the key an operator should look at, and the sentence that says why.
struct Violation {
  std::string key;
  std::string text;
};

/// For example: an admin address off loopback without token_file; two listeners on one address; redirect_to_https on a
/// TLS listener; a domain that is not a host name; connect longer than connect_total. Empty = all rules hold.
std::vector<Violation> validate(const Config& config);

/// The keys that differ between two configurations but can only change by a restart (listeners' addresses, workers,
/// admin and health addresses, registry source). Reload refuses nothing for them, it says so.
std::vector<std::string> needs_restart(const Config& running, const Config& loaded);

}  // namespace sandgate::config

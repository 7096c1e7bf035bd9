// scalars: how one YAML value becomes a member, by the member's type.
//
// Each overload reports what it wants when the value is something else ("must be a duration such as 10s or 250ms, not
// "10""), and then leaves the target as it was. Found by `Fields::field` through argument-dependent lookup.
#pragma once

#include <config/config.hpp>
#include <config/reader.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sandgate::config {

void read(const Value& value, bool& target);
void read(const Value& value, std::string& target);
void read(const Value& value, SecretUrl& target);
void read(const Value& value, std::uint16_t& target);  ///< A port, 1 to 65535.
void read(const Value& value, std::uint32_t& target);
void read(const Value& value, std::int32_t& target);                  ///< 0 or more: a record alone may say -1.
void read(const Value& value, std::optional<std::uint32_t>& target);  ///< "auto" is nothing.
void read(const Value& value, Bytes& target);
void read(const Value& value, std::optional<Bytes>& target);  ///< "auto" is nothing.
void read(const Value& value, milliseconds& target);
void read(const Value& value, IpRange& target);
void read(const Value& value, Endpoint& target);
void read(const Value& value, TlsVersion& target);
void read(const Value& value, RegistrySource& target);
void read(const Value& value, KubernetesKind& target);
void read(const Value& value, DefaultAccess& target);

}  // namespace sandgate::config

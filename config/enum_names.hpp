// enum_names: the words that stand for enumerators in YAML, for reading and for writing.
#pragma once

#include <config/config.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace sandgate::config {

inline constexpr std::array<std::pair<std::string_view, TlsVersion>, 2> kTlsVersionNames{{
    {"1.2", TlsVersion::tls_1_2},
    {"1.3", TlsVersion::tls_1_3},
}};

inline constexpr std::array<std::pair<std::string_view, RegistrySource>, 4> kRegistrySourceNames{{
    {"store", RegistrySource::store},
    {"file", RegistrySource::file},
    {"redis", RegistrySource::redis},
    {"kubernetes", RegistrySource::kubernetes},
}};

inline constexpr std::array<std::pair<std::string_view, KubernetesKind>, 3> kKubernetesKindNames{{
    {"agent-sandbox", KubernetesKind::agent_sandbox},
    {"pods", KubernetesKind::pods},
    {"custom", KubernetesKind::custom},
}};

inline constexpr std::array<std::pair<std::string_view, DefaultAccess>, 2> kDefaultAccessNames{{
    {"private", DefaultAccess::private_access},
    {"public", DefaultAccess::public_access},
}};

}  // namespace sandgate::config

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

}  // namespace sandgate::config

// text_check: is this what its grammar says it is? Pure predicates over bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sandgate::config {

/// Where the text stops being YAML's "printable" UTF-8 (YAML 1.2, 5.1): a malformed or overlong sequence, a surrogate,
/// or a control character other than tab, line feed and carriage return. Nothing when all of it is.
std::optional<std::size_t> find_unprintable(std::string_view text);

/// No control character: fit for a path, a name, a log line.
bool is_one_line(std::string_view text);

/// A host name of letters, digits and hyphens (RFC 1123 2.1), lower case, at most 253 octets, without a trailing dot. A
/// name whose last label is all digits is not one: it would be read as an IPv4 address.
bool is_dns_name(std::string_view text);

/// RFC 9110 5.6.2.
bool is_token(std::string_view text);

}  // namespace sandgate::config

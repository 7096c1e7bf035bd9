// timestamp: RFC 3339 date-times, as registries write them. Pure: no clock, no locale, no time zone database.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sandgate::routing {

/// `2026-11-23T18:04:05.123456789+01:00`: strict RFC 3339, section 5.6. A leap second is the second after it, fractions
/// beyond the clock's are cut off, and a date beyond the clock's range (year 2262) is the end of that range, so "9999"
/// still means never. Anything else is nothing.
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

}  // namespace sandgate::routing

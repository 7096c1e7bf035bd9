// set_cookie: keep a sandbox's cookies its own (contract 5).
//
// A sandbox could set a cookie for the parent domain, and so for every other sandbox. Domain attributes that name
// anything but the request's own host are taken out, which leaves a cookie for that host alone. Attributes are read as
// browsers read them (RFC 6265 5.2): cut at `;` whatever the quotes, names without case, one leading dot of the value
// ignored. Everything else stays byte for byte. Pure; new text only when something had to go.
#pragma once

#include <memory_resource>
#include <string_view>

namespace sandgate::proxy::http {

/// `own_host` is the request's host without its port.
std::string_view without_foreign_domain(std::string_view cookie, std::string_view own_host,
                                        std::pmr::memory_resource* memory);

}  // namespace sandgate::proxy::http

// authority: the grammar of `<port>-<sandboxid>[-<ignored>].<domain>[:<port>]` and of header routing (contract 1).
//
// Grammar first, then the domain, then the certificate; the certificate is not this file's. Nothing allocates.
#pragma once

#include <routing/sandbox_id.hpp>

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::routing {

/// Each has one sentence in contract 1; `to_text` gives it.
enum class AuthorityError : std::uint8_t {
  invalid_host,     ///< "Invalid host"
  invalid_port,     ///< "Invalid sandbox port"
  invalid_id,       ///< "Invalid sandbox ID"
  missing_header,   ///< "missing header"
  repeated_header,  ///< a routing header given twice: "Invalid host"
};
std::string_view to_text(AuthorityError error);
[[noreturn]] void throw_exception_from_error(AuthorityError error, const boost::source_location& where);

/// RFC 3986 3.2 without userinfo, as Host and :authority carry it: views into the text that was parsed.
struct Authority {
  std::string_view host;       ///< Reg-name or IPv4 as sent, or IPv6 with its brackets. Not empty.
  std::string_view port;       ///< Digits after the colon, empty when there were none.
  bool is_ip_literal = false;  ///< `host` is an IPv4 or a bracketed IPv6 address.
};

/// uri-host [":" port]: the port's digits are as many as the client likes, their value is at most 65535, and none at
/// all after the colon is no port. Any other byte, userinfo, a zone, IPvFuture, or an empty host: invalid_host.
boost::system::result<Authority, AuthorityError> split_authority(std::string_view text);

/// Host names are compared without case and without one trailing dot (RFC 1034 3.1), ports by value; a port and no port
/// differ, as the scheme's default is not known here. What is no authority is the same as nothing.
bool same_authority(std::string_view a, std::string_view b);

/// A port of a sandbox: decimal, no sign, no leading zero, 1 to 65535.
std::optional<std::uint16_t> parse_sandbox_port(std::string_view digits);

/// Values of the two routing headers as the request carried them; `count` > 1 is an error only where they route. An
/// empty value is no value, as with E2B.
struct RoutingHeaders {
  std::string_view sandbox_id;
  std::string_view sandbox_port;
  std::uint8_t id_count = 0;
  std::uint8_t port_count = 0;
};

/// Which sandbox and port a request is for.
struct Target {
  SandboxId id;
  std::uint16_t port = 0;
  bool by_header = false;  ///< Routed by E2b-Sandbox-*, on a shared host: `sandbox.<domain>`, localhost, an IP.
  bool certificate_exempt = false;  ///< localhost and IP literals need no certificate that covers them.
};

/// `domains` are lower case without trailing dot, as Config holds them.
boost::system::result<Target, AuthorityError> find_target(std::string_view authority, const RoutingHeaders& headers,
                                                          const std::vector<std::string>& domains);

}  // namespace sandgate::routing

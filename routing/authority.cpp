#include <config/ip_address.hpp>
#include <routing/ascii.hpp>
#include <routing/authority.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <stdexcept>

namespace sandgate::routing {
namespace {

using boost::system::result;

constexpr std::uint32_t kMaxPort = std::numeric_limits<std::uint16_t>::max();
constexpr std::string_view kSharedLabel = "sandbox";
constexpr std::string_view kLocalhost = "localhost";

/// RFC 3986 3.2.2: reg-name = *( unreserved / pct-encoded / sub-delims ), here of at least one character.
bool is_reg_name(std::string_view text) {
  constexpr std::string_view kUnreservedAndSubDelims = "-._~!$&'()*+,;=";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3 || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) return false;
      i += 2;
    } else if (!is_alphanumeric(text[i]) && kUnreservedAndSubDelims.find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  return !text.empty();
}

/// A dotted quad ends in a digit, and most names do not: they are spared the parse.
bool is_ipv4(std::string_view host) { return is_digit(host.back()) && config::IpAddress::parse(host).has_value(); }

bool is_bracketed_ipv6(std::string_view host) {
  const std::string_view address = host.substr(1, host.size() - 2);
  return address.find(':') != std::string_view::npos && config::IpAddress::parse(address).has_value();
}

/// The value of an authority's port. Nothing when it is not digits, or too large.
std::optional<std::uint32_t> port_value(std::string_view digits) {
  std::uint32_t value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
    if (value > kMaxPort) return std::nullopt;
  }
  return value;
}

std::string_view without_trailing_dot(std::string_view name) {
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

result<Target, AuthorityError> make_target(std::string_view port_text, std::string_view id_text) {
  const auto port = parse_sandbox_port(port_text);
  if (!port) return AuthorityError::invalid_port;
  const auto id = SandboxId::parse(id_text);
  if (!id) return AuthorityError::invalid_id;
  Target target;
  target.id = *id;
  target.port = *port;
  return target;
}

result<Target, AuthorityError> route_by_header(const RoutingHeaders& headers) {
  if (headers.id_count > 1 || headers.port_count > 1) return AuthorityError::repeated_header;
  if (headers.sandbox_id.empty() && headers.sandbox_port.empty()) return AuthorityError::invalid_host;
  if (headers.sandbox_id.empty() || headers.sandbox_port.empty()) return AuthorityError::missing_header;
  auto target = make_target(headers.sandbox_port, headers.sandbox_id);
  if (target) target->by_header = true;
  return target;
}

/// `label` is `<port>-<sandboxid>[-<ignored>]`; what follows a second dash is an old client id.
result<Target, AuthorityError> route_by_label(std::string_view label) {
  const std::size_t dash = label.find('-');
  if (dash == std::string_view::npos) return AuthorityError::invalid_host;
  const std::string_view rest = label.substr(dash + 1);
  return make_target(label.substr(0, dash), rest.substr(0, rest.find('-')));
}

}  // namespace

std::string_view to_text(AuthorityError error) {
  switch (error) {
    case AuthorityError::invalid_host:
    case AuthorityError::repeated_header:
      return "Invalid host";
    case AuthorityError::invalid_port:
      return "Invalid sandbox port";
    case AuthorityError::invalid_id:
      return "Invalid sandbox ID";
    case AuthorityError::missing_header:
      return "missing header";
  }
  return "Invalid host";
}

void throw_exception_from_error(AuthorityError error, const boost::source_location& /*where*/) {
  throw std::logic_error("unexpected authority error: " + std::string(to_text(error)));
}

result<Authority, AuthorityError> split_authority(std::string_view text) {
  const bool is_bracketed = text.starts_with('[');
  const std::size_t search_from = is_bracketed ? std::min(text.find(']'), text.size()) : 0;
  const std::size_t colon = text.find(':', search_from);
  Authority authority;
  authority.host = text.substr(0, colon);
  if (colon != std::string_view::npos) authority.port = text.substr(colon + 1);

  const bool is_valid_host =
      is_bracketed ? authority.host.ends_with(']') && is_bracketed_ipv6(authority.host) : is_reg_name(authority.host);
  if (!is_valid_host || !port_value(authority.port)) return AuthorityError::invalid_host;
  authority.is_ip_literal = is_bracketed || is_ipv4(authority.host);
  return authority;
}

bool same_authority(std::string_view a, std::string_view b) {
  const auto left = split_authority(a);
  const auto right = split_authority(b);
  if (!left || !right) return false;
  return equal_without_case(without_trailing_dot(left->host), without_trailing_dot(right->host)) &&
         left->port.empty() == right->port.empty() && port_value(left->port) == port_value(right->port);
}

std::optional<std::uint16_t> parse_sandbox_port(std::string_view digits) {
  if (digits.empty() || digits.front() == '0') return std::nullopt;
  const auto value = port_value(digits);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

result<Target, AuthorityError> find_target(std::string_view authority, const RoutingHeaders& headers,
                                           const std::vector<std::string>& domains) {
  const auto parts = split_authority(authority);
  if (!parts) return parts.error();
  const std::string_view name = parts->is_ip_literal ? parts->host : without_trailing_dot(parts->host);
  if (parts->is_ip_literal || equal_without_case(name, kLocalhost)) {
    auto target = route_by_header(headers);
    if (target) target->certificate_exempt = true;
    return target;
  }

  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return AuthorityError::invalid_host;
  const std::string_view label = name.substr(0, dot);
  const std::string_view domain = name.substr(dot + 1);
  const auto is_domain = [domain](const std::string& configured) { return equal_without_case(configured, domain); };
  if (std::none_of(domains.begin(), domains.end(), is_domain)) return AuthorityError::invalid_host;
  return equal_without_case(label, kSharedLabel) ? route_by_header(headers) : route_by_label(label);
}

}  // namespace sandgate::routing

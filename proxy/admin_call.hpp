// admin_call: a request to the admin listener taken apart, and the answers it can get.
#pragma once

#include <proxy/admin.hpp>

#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy {

/// "/v1/sandboxes/a%62c?limit=5": segments and parameters, percent-decoded after they were told apart (RFC 3986 2.4).
struct AdminTarget {
  std::vector<std::string> segments;
  std::map<std::string, std::string, std::less<>> parameters;
};

/// Nothing: no leading slash, a malformed percent escape, or a parameter given twice.
std::optional<AdminTarget> parse_admin_target(std::string_view target);

/// What a handler gets.
struct AdminCall {
  const AdminRequest& request;
  const AdminTarget& target;

  /// Null when the parameter is not there.
  const std::string* parameter(std::string_view name) const;
};

AdminResponse json_answer(std::uint16_t status, const boost::json::value& body);
/// {"error","field"}; `field` is left out when there is none.
AdminResponse error_answer(std::uint16_t status, std::string_view text, std::string_view field = {});
AdminResponse text_answer(std::uint16_t status, std::string body);

}  // namespace sandgate::proxy

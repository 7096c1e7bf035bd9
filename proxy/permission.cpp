#include <auth/authorize.hpp>
#include <proxy/permission.hpp>

namespace sandgate::proxy {

Result<void> permit(const routing::Route& route, const Grounds& grounds,
                    const std::vector<std::uint16_t>& exempt_ports) {
  if (route.via_node) return {};
  switch (auth::authorize(route.access, grounds.credentials, grounds.port, exempt_ports)) {
    case auth::Verdict::permit:
      return {};
    case auth::Verdict::token_missing:
      return Failure::token_missing;
    case auth::Verdict::token_invalid:
      return Failure::token_invalid;
  }
  return Failure::token_invalid;
}

}  // namespace sandgate::proxy

// checked_record: a sandbox record that may be stored.
//
// Only `check` makes one, so nothing that does not parse is ever written, and no token is written in plain: at rest
// there is only its SHA-256. The route is parsed from the very text that is stored, so what a restart would load is
// exactly what is being served.
#pragma once

#include <routing/route.hpp>
#include <routing/route_record.hpp>
#include <routing/sandbox_id.hpp>

#include <boost/system/result.hpp>

#include <string>
#include <string_view>

namespace sandgate::proxy::registry {

class CheckedRecord {
 public:
  /// `json` as an operator or a control plane sends it (contract 7).
  static boost::system::result<CheckedRecord, routing::RecordError> check(const routing::SandboxId& id,
                                                                          std::string_view json);

  const routing::RoutePtr& route() const { return route_; }
  /// What is stored: unknown fields kept, `traffic_access_token` replaced by `traffic_access_token_sha256`.
  const std::string& json() const { return json_; }

 private:
  CheckedRecord(routing::RoutePtr route, std::string json) : route_(std::move(route)), json_(std::move(json)) {}

  routing::RoutePtr route_;
  std::string json_;
};

}  // namespace sandgate::proxy::registry

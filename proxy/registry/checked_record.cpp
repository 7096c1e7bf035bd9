#include <proxy/registry/checked_record.hpp>

#include <utility>

namespace sandgate::proxy::registry {

boost::system::result<CheckedRecord, routing::RecordError> CheckedRecord::check(const routing::SandboxId& id,
                                                                                std::string_view json) {
  if (auto sent = routing::parse_record(id, json); sent.has_error()) return sent.error();
  std::string stored = routing::redact_record(json);
  auto route = routing::parse_record(id, stored);
  if (route.has_error()) return route.error();
  return CheckedRecord(*std::move(route), std::move(stored));
}

}  // namespace sandgate::proxy::registry

// object: what one object of the cluster says about a sandbox: which id it claims, and the record the edge would have.
//
//   agent-sandbox   status.podIPs[0], condition Ready, spec.operatingMode or spec.replicas
//   pods            label sandgate.dev/sandbox, status.podIP, condition Ready, status.phase
//   custom          by the paths of the configuration
//
// Pure. Whatever an object holds, it gives a Sighting or nothing: it is trusted to be of the cluster, not to be right,
// and whoever wrote it may want another's id. So an id that an object chooses counts only in namespaces the
// configuration lists; the id that is made of namespace and name nobody can choose.
#pragma once

#include <config/config.hpp>
#include <config/json_path.hpp>
#include <routing/route_record.hpp>
#include <routing/sandbox_id.hpp>

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry::kubernetes {

inline constexpr std::string_view kIdLabel = "sandgate.dev/sandbox";
inline constexpr std::string_view kWarmPoolLabel = "agents.x-k8s.io/warm-pool-sandbox";

/// Where the token of a sandbox is kept: a key of a Secret of the object's own namespace.
struct SecretRef {
  std::string name_space;
  std::string name;
  std::string key;
  friend auto operator<=>(const SecretRef&, const SecretRef&) = default;
};

/// The configuration, ready for use.
struct Rules {
  explicit Rules(const config::KubernetesRegistry& config);

  config::KubernetesKind kind;
  config::DefaultAccess default_access;
  std::vector<std::string> namespaces;
  std::optional<config::JsonPath> id;  ///< The rest: of kind custom.
  bool is_id_unique = false;           ///< The path leads to what the API server made, not to what somebody chose.
  std::optional<config::JsonPath> address;
  std::optional<config::JsonPath> generation;
  std::optional<config::JsonPath> state;
  std::vector<std::string> running;
};

struct ObjectName {
  std::string name_space;
  std::string name;
  std::string text() const { return name_space + "/" + name; }
};
/// Nothing: it has no name, so it is no object.
std::optional<ObjectName> name_of(const boost::json::object& object);

struct Sighting {
  bool is_sandbox = false;  ///< False: nothing the edge routes, and it claims nothing.
  bool is_leaving = false;  ///< Being deleted: another object may have the id.
  std::optional<routing::SandboxId> id;
  std::string record;              ///< JSON (contract 7); empty: not routed, for now or because of the problem.
  std::optional<SecretRef> token;  ///< Must be read, and its digest added to the record.
  std::optional<routing::RecordError> problem;
};
Sighting read_object(const boost::json::object& object, const ObjectName& name, const Rules& rules);

/// 32 hexadecimal digits of the SHA-256 of "<namespace>/<name>": neither may hold a slash, so no two objects share one.
routing::SandboxId computed_id(const ObjectName& name);
/// The record with the digest of a token in it.
std::string with_token(const std::string& record, std::string_view digest_hex);

/// Null when there is none of that name, or it is of another type.
const boost::json::object* object_in(const boost::json::object& from, std::string_view name);
const boost::json::array* array_in(const boost::json::object& from, std::string_view name);
/// Empty when there is none.
std::string_view text_in(const boost::json::object& from, std::string_view name);

}  // namespace sandgate::proxy::registry::kubernetes

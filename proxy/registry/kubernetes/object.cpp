#include <auth/access_policy.hpp>
#include <proxy/registry/kubernetes/object.hpp>
#include <proxy/registry/kubernetes/policy.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

namespace json = boost::json;
using config::KubernetesKind;
using routing::RecordError;

constexpr std::size_t kComputedDigits = 32;

json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

/// What kind and status say: where, which instance, and whether it may be reached.
struct Seen {
  std::string address;
  std::string generation;
  bool is_running = false;
  bool is_over = false;  ///< It will not run again, and its address may be another's by now.
};

bool has_condition(const json::object& status, std::string_view type) {
  const auto* conditions = array_in(status, "conditions");
  if (conditions == nullptr) return false;
  return std::ranges::any_of(*conditions, [&](const json::value& one) {
    const auto* condition = one.if_object();
    return condition != nullptr && text_in(*condition, "type") == type && text_in(*condition, "status") == "True";
  });
}

/// v1beta1 says operatingMode, v1alpha1 said it by 0 or 1 replicas.
bool is_suspended(const json::object& object) {
  const auto* spec = object_in(object, "spec");
  if (spec == nullptr) return false;
  if (const auto* mode = spec->if_contains("operatingMode")) return mode->is_null() ? false : *mode != "Running";
  const auto* replicas = spec->if_contains("replicas");
  return replicas != nullptr && replicas->is_int64() && replicas->get_int64() == 0;
}

Seen see_agent_sandbox(const json::object& object, const json::object& metadata) {
  Seen seen;
  seen.generation = text_in(metadata, "uid");
  const auto* status = object_in(object, "status");
  if (status == nullptr) return seen;
  const auto* addresses = array_in(*status, "podIPs");
  if (addresses != nullptr && !addresses->empty()) {
    const json::value& first = addresses->front();
    if (const auto* text = first.if_string()) seen.address.assign(text->data(), text->size());
    if (const auto* item = first.if_object()) seen.address = text_in(*item, "ip");
  }
  seen.is_running = has_condition(*status, "Ready") && !is_suspended(object);
  return seen;
}

Seen see_pod(const json::object& object, const json::object& metadata) {
  Seen seen;
  seen.generation = text_in(metadata, "uid");
  const auto* status = object_in(object, "status");
  if (status == nullptr) return seen;
  const std::string_view phase = text_in(*status, "phase");
  seen.is_over = phase == "Succeeded" || phase == "Failed";
  seen.address = text_in(*status, "podIP");
  seen.is_running = has_condition(*status, "Ready");
  return seen;
}

Seen see_custom(const json::object& object, const Rules& rules) {
  const json::value root(object, object.storage());
  Seen seen;
  if (rules.address) seen.address = rules.address->find(root).value_or("");
  if (rules.generation) seen.generation = rules.generation->find(root).value_or("");
  const auto state = rules.state ? rules.state->find(root) : std::nullopt;
  seen.is_running = !rules.state || (state && std::ranges::find(rules.running, *state) != rules.running.end());
  return seen;
}

Seen see(const json::object& object, const json::object& metadata, const Rules& rules) {
  switch (rules.kind) {
    case KubernetesKind::agent_sandbox:
      return see_agent_sandbox(object, metadata);
    case KubernetesKind::pods:
      return see_pod(object, metadata);
    case KubernetesKind::custom:
      break;
  }
  return see_custom(object, rules);
}

/// 8-4-4-4-12 hexadecimal digits: a dash in it says nothing, and an id of ours has none.
std::string without_uuid_dashes(std::string_view text) {
  constexpr std::size_t kUuid = 36;
  constexpr std::array<std::size_t, 4> kDashes{8, 13, 18, 23};
  const auto is_right = [&](std::size_t at) {
    if (std::ranges::find(kDashes, at) != kDashes.end()) return text[at] == '-';
    return std::string_view("0123456789abcdefABCDEF").find(text[at]) != std::string_view::npos;
  };
  std::string id(text);
  if (text.size() != kUuid) return id;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_right(i)) return id;
  }
  std::erase(id, '-');
  return id;
}

bool has_label(const json::object& metadata, std::string_view label) {
  const auto* labels = object_in(metadata, "labels");
  return labels != nullptr && labels->contains(view(label));
}

std::string_view annotation(const json::object& metadata, std::string_view name) {
  const auto* annotations = object_in(metadata, "annotations");
  return annotations == nullptr ? std::string_view() : text_in(*annotations, name);
}

struct ChosenId {
  std::string text;   ///< Empty: none was.
  std::string where;  ///< Who chose it.
  bool is_unique = false;
};

ChosenId chosen_id(const json::object& object, const json::object& metadata, const Rules& rules) {
  if (const auto text = annotation(metadata, kIdAnnotation); !text.empty()) {
    return {std::string(text), std::string(kIdAnnotation)};
  }
  if (rules.kind == KubernetesKind::pods) {
    const auto* labels = object_in(metadata, "labels");
    return {labels == nullptr ? std::string() : std::string(text_in(*labels, kIdLabel)), std::string(kIdLabel)};
  }
  if (!rules.id) return {};
  const json::value root(object, object.storage());
  return {rules.id->find(root).value_or(""), "registry.kubernetes.custom.id", rules.is_id_unique};
}

void read_id(const json::object& object, const json::object& metadata, const ObjectName& name, const Rules& rules,
             Sighting& sighting) {
  const ChosenId chosen = chosen_id(object, metadata, rules);
  if (chosen.text.empty()) {
    sighting.id = computed_id(name);
    return;
  }
  const bool is_listed = std::ranges::find(rules.namespaces, name.name_space) != rules.namespaces.end();
  if (!is_listed && !chosen.is_unique) {
    sighting.problem = RecordError{chosen.where,
                                   "chooses an id in a namespace that registry.kubernetes.namespaces does not list: "
                                   "list it, or leave the id to be made of namespace and name"};
    return;
  }
  sighting.id = routing::SandboxId::parse(without_uuid_dashes(chosen.text));
  if (!sighting.id) {
    sighting.problem =
        RecordError{chosen.where, "must be 1 to 63 letters and digits: a dash ends an id in a host name"};
  }
}

bool says_host_network(const json::object& pod_spec) {
  const auto* flag = pod_spec.if_contains("hostNetwork");
  return flag != nullptr && flag->is_bool() && flag->get_bool();
}

/// The pod has its node's network. Where a pod says so, and where kinds that make pods keep their template.
bool is_host_network(const json::object& object) {
  const auto* spec = object_in(object, "spec");
  if (spec == nullptr) return false;
  if (says_host_network(*spec)) return true;
  return std::ranges::any_of(std::array{"podTemplate", "template"}, [spec](const char* name) {
    const auto* pod = object_in(*spec, name);
    const auto* pod_spec = pod == nullptr ? nullptr : object_in(*pod, "spec");
    return pod_spec != nullptr && says_host_network(*pod_spec);
  });
}

/// The record but for its token, or the problem with it.
void write_record(const json::object& metadata, const ObjectName& name, const Rules& rules, const Seen& seen,
                  Sighting& sighting) {
  json::object record;
  record["address"] = view(seen.address);
  record["execution_id"] = view(seen.generation);
  record["state"] = seen.is_running && !sighting.is_leaving ? "running" : "paused";
  record["allow_public_traffic"] = rules.default_access == config::DefaultAccess::public_access;
  if (const auto* annotations = object_in(metadata, "annotations")) {
    sighting.problem = read_policy(*annotations, name, record, sighting.token);
    if (sighting.problem) return;
  }
  record["kubernetes"] = json::object{{"namespace", view(name.name_space)}, {"name", view(name.name)}};
  sighting.record = json::serialize(record);
  if (sighting.record.size() <= routing::kMaxRecordBytes) return;
  sighting.record.clear();
  sighting.problem = RecordError{{}, "the record its annotations make is larger than 64 KiB"};
}

}  // namespace

const json::object* object_in(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(view(name));
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* array_in(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(view(name));
  return value == nullptr ? nullptr : value->if_array();
}

std::string_view text_in(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(view(name));
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

Rules::Rules(const config::KubernetesRegistry& config)
    : kind(config.kind),
      default_access(config.default_access),
      namespaces(config.namespaces),
      is_id_unique(config.custom.id == "metadata.uid"),
      running(config.custom.running) {
  const auto compile = [](const std::string& text) {
    auto parsed = config::JsonPath::parse(text);
    auto* path = std::get_if<config::JsonPath>(&parsed);
    return path == nullptr ? std::nullopt : std::optional(std::move(*path));
  };
  id = compile(config.custom.id);
  address = compile(config.custom.address);
  generation = compile(config.custom.generation);
  state = compile(config.custom.state);
}

std::optional<ObjectName> name_of(const json::object& object) {
  const auto* metadata = object_in(object, "metadata");
  if (metadata == nullptr) return std::nullopt;
  ObjectName name{std::string(text_in(*metadata, "namespace")), std::string(text_in(*metadata, "name"))};
  if (name.name.empty()) return std::nullopt;
  return name;
}

routing::SandboxId computed_id(const ObjectName& name) {
  const std::string hex = auth::to_hex(auth::digest_token(name.text()));
  return *routing::SandboxId::parse(hex.substr(0, kComputedDigits));
}

std::string with_token(const std::string& record, std::string_view digest_hex) {
  std::string whole = record.substr(0, record.size() - 1);
  return whole.append(",\"traffic_access_token_sha256\":\"").append(digest_hex).append("\"}");
}

Sighting read_object(const json::object& object, const ObjectName& name, const Rules& rules) {
  Sighting sighting;
  const auto* metadata = object_in(object, "metadata");
  if (metadata == nullptr) return sighting;
  if (rules.kind == KubernetesKind::pods && !has_label(*metadata, kIdLabel)) return sighting;
  if (rules.kind == KubernetesKind::agent_sandbox && has_label(*metadata, kWarmPoolLabel)) return sighting;
  const Seen seen = see(object, *metadata, rules);
  if (seen.is_over) return sighting;
  sighting.is_sandbox = true;
  sighting.is_leaving = !text_in(*metadata, "deletionTimestamp").empty();
  read_id(object, *metadata, name, rules, sighting);
  if (!sighting.id) return sighting;
  if (is_host_network(object)) {
    sighting.problem = RecordError{"hostNetwork", "must not be true: its address is the node's, and others' too"};
    return sighting;
  }
  if (seen.address.empty()) return sighting;
  if (seen.generation.empty()) {
    sighting.problem = RecordError{"metadata.uid", "is missing: without it one instance cannot be told from the next"};
    return sighting;
  }
  write_record(*metadata, name, rules, seen, sighting);
  return sighting;
}

}  // namespace sandgate::proxy::registry::kubernetes

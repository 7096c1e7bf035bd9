#include <config/checks.hpp>
#include <config/json_path.hpp>
#include <config/problem.hpp>
#include <config/text_check.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sandgate::config {
namespace {

constexpr std::size_t kMaxLabel = 63;  ///< RFC 1123, as Kubernetes has it for names of namespaces.
constexpr milliseconds kLeastWatch{1'000};
constexpr milliseconds kLongestWatch{3'600'000};
constexpr const char* kCustom = "registry.kubernetes.custom.";

bool is_label(std::string_view text) {
  return text.size() <= kMaxLabel && is_dns_name(std::string(text) + ".a") && text.find('.') == std::string_view::npos;
}

/// What can stand in a request's path as it is.
bool is_path_segment(std::string_view text) { return is_token(text) && text.find('%') == std::string_view::npos; }

void check_namespaces(const KubernetesRegistry& kubernetes, Violations& found) {
  const auto& names = kubernetes.namespaces;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!is_label(names[i])) {
      found.push_back(
          {indexed("registry.kubernetes.namespaces", i),
           "must be the name of a namespace: letters in lower case, digits and -, not " + quoted(names[i])});
    } else if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
               names.begin() + static_cast<std::ptrdiff_t>(i)) {
      found.push_back({indexed("registry.kubernetes.namespaces", i), "is given twice: " + quoted(names[i])});
    }
  }
  if (names.empty() && kubernetes.kind == KubernetesKind::pods) {
    found.push_back({"registry.kubernetes.namespaces",
                     "must list at least one with kind pods: whoever may label a pod chooses its id"});
  }
}

void check_path(const char* name, const std::string& text, Violations& found) {
  if (text.empty()) return;
  const auto parsed = JsonPath::parse(text);
  if (const auto* problem = std::get_if<std::string>(&parsed)) found.push_back({kCustom + std::string(name), *problem});
}

void check_custom(const KubernetesRegistry& kubernetes, Violations& found) {
  const KubernetesCustom& custom = kubernetes.custom;
  if (!custom.group.empty() && !is_dns_name(custom.group)) {
    found.push_back({"registry.kubernetes.custom.group", "must be a group such as agents.kruise.io, or empty"});
  }
  const std::array<std::pair<const char*, const std::string&>, 2> segments{
      {{"version", custom.version}, {"resource", custom.resource}}};
  for (const auto& [name, text] : segments) {
    if (is_path_segment(text)) continue;
    found.push_back({kCustom + std::string(name), "must be that of the objects: v1alpha1, sandboxes (the plural)"});
  }
  if (custom.address.empty()) {
    found.push_back({"registry.kubernetes.custom.address", "must be the path of the IP address: status.podIP"});
  }
  check_path("id", custom.id, found);
  check_path("address", custom.address, found);
  check_path("generation", custom.generation, found);
  check_path("state", custom.state, found);
  if (custom.generation.empty()) {
    found.push_back({"registry.kubernetes.custom.generation", "must not be empty: metadata.uid is right for most"});
  }
  if (custom.state.empty() != custom.running.empty()) {
    found.push_back({"registry.kubernetes.custom.running",
                     "must name the states in which a sandbox may be reached, and only with `state`, their path"});
  }
  const bool is_id_chosen = !custom.id.empty() && custom.id != "metadata.uid";
  if (is_id_chosen && kubernetes.namespaces.empty()) {
    found.push_back({"registry.kubernetes.custom.id",
                     "needs `namespaces` to be listed: anywhere else a tenant could choose another's id"});
  }
  // What is under `status` is written by a platform's controller; the rest by whoever may write the object.
  const bool is_address_chosen = !custom.address.empty() && !custom.address.starts_with("status.");
  if (is_address_chosen && kubernetes.namespaces.empty()) {
    found.push_back({"registry.kubernetes.custom.address",
                     "needs `namespaces` to be listed: anywhere else a tenant could choose another's address"});
  }
}

}  // namespace

void check_kubernetes(const KubernetesRegistry& kubernetes, Violations& found) {
  check_namespaces(kubernetes, found);
  if (kubernetes.kind == KubernetesKind::custom) {
    check_custom(kubernetes, found);
  } else if (!(kubernetes.custom == KubernetesCustom{})) {
    found.push_back({"registry.kubernetes.custom", "is of no use with this kind: write kind: custom"});
  }
  if (!is_one_line(kubernetes.label_selector)) {
    found.push_back({"registry.kubernetes.label_selector", "must be one line, such as app=sandbox,tier!=test"});
  }
  if (kubernetes.kubeconfig.empty() && kubernetes.service_account.empty()) {
    found.push_back({"registry.kubernetes.service_account", "must be a folder when there is no `kubeconfig`"});
  }
  if (kubernetes.watch_timeout < kLeastWatch || kubernetes.watch_timeout > kLongestWatch) {
    found.push_back({"registry.kubernetes.watch_timeout", "must be from 1s to 1h"});
  }
}

}  // namespace sandgate::config

#include <config/validate.hpp>
#include <tests/unit/config/load_helpers.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <tuple>

namespace sandgate::config {
namespace {

Texts problems_with(const std::string& keys) {
  return problems_of(kLeast + "registry: {source: kubernetes, kubernetes: {" + keys + "}}");
}

TEST_CASE("kubernetes: configurations that are in order", "[config]") {
  const auto keys = GENERATE(
      as<std::string>(), "", "kind: agent-sandbox, namespaces: [team-a, \"123\"], label_selector: \"app in (a,b)\"",
      "kind: pods, namespaces: [default], default_access: public, watch_timeout: 1s", "kubeconfig: /etc/kubeconfig",
      "kind: custom, custom: {group: agents.kruise.io, version: v1alpha1, resource: sandboxes, "
      "address: status.podInfo.podIP, state: status.phase, running: [Running]}",
      "kind: custom, custom: {version: v1, resource: pods, address: status.podIP, id: metadata.uid}",
      "kind: custom, namespaces: [a], custom: {version: v1, resource: pods, address: status.podIP, id: metadata.name}");
  CAPTURE(keys);
  CHECK(problems_with(keys) == Texts{});
}

TEST_CASE("kubernetes: each way to be wrong names its key", "[config]") {
  const std::string path = "registry.kubernetes.";
  const auto [keys, key] = GENERATE(table<std::string, std::string>({
      {"kind: sandboxes", "kind"},
      {"kind: pods", "namespaces"},
      {"namespaces: [Upper]", "namespaces[0]"},
      {"namespaces: [a.b]", "namespaces[0]"},
      {"namespaces: [\"../x\"]", "namespaces[0]"},
      {"namespaces: [a, a]", "namespaces[1]"},
      {"default_access: open", "default_access"},
      {"watch_timeout: 500ms", "watch_timeout"},
      {"watch_timeout: 2h", "watch_timeout"},
      {"label_selector: \"a\\nb\"", "label_selector"},
      {"service_account: \"\"", "service_account"},
      {"custom: {group: a.b}", "custom"},
      {"kind: custom, custom: {version: v1, resource: pods}", "custom.address"},
      {"kind: custom, custom: {version: v1, resource: \"a/b\", address: status.a}", "custom.resource"},
      {"kind: custom, custom: {version: \"\", resource: a, address: status.a}", "custom.version"},
      {"kind: custom, custom: {group: \"a/b\", version: v1, resource: a, address: status.a}", "custom.group"},
      {"kind: custom, custom: {version: v1, resource: a, address: \"status.a..b\"}", "custom.address"},
      {"kind: custom, custom: {version: v1, resource: a, address: status.a, generation: \"\"}", "custom.generation"},
      {"kind: custom, custom: {version: v1, resource: a, address: status.a, state: b}", "custom.running"},
      {"kind: custom, custom: {version: v1, resource: a, address: status.a, running: [b]}", "custom.running"},
      {"kind: custom, custom: {version: v1, resource: a, address: status.a, id: metadata.name}", "custom.id"},
      {"kind: custom, custom: {version: v1, resource: a, address: 'metadata.annotations[\"a\"]'}", "custom.address"},
      {"kind: custom, custom: {version: v1, resource: a, address: spec.address}", "custom.address"},
  }));
  CAPTURE(keys);
  const Texts problems = problems_with(keys);
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().find(" " + path + key + ": ") != std::string::npos);
}

TEST_CASE("kubernetes: a change of it needs a restart", "[config]") {
  Config running = default_config();
  running.registry.source = RegistrySource::kubernetes;
  Config loaded = running;
  loaded.registry.redis.max_entries = 1;
  CHECK(needs_restart(running, loaded).empty());
  loaded.registry.kubernetes.namespaces = {"other"};
  CHECK(needs_restart(running, loaded) == Texts{"registry.kubernetes"});
}

}  // namespace
}  // namespace sandgate::config

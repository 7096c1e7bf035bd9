#include <proxy/registry/kubernetes/object.hpp>
#include <proxy/registry/kubernetes/secrets.hpp>
#include <routing/route_record.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include <string>

namespace sandgate::proxy::registry::kubernetes {
namespace {

namespace json = boost::json;

config::KubernetesRegistry config_for(config::KubernetesKind kind) {
  config::KubernetesRegistry config;
  config.kind = kind;
  config.namespaces = {"team"};
  return config;
}

Sighting sight(const json::value& object, const config::KubernetesRegistry& config) {
  const auto name = name_of(object.as_object());
  REQUIRE(name);
  return read_object(object.as_object(), *name, Rules(config));
}

/// Of an agent-sandbox object in namespace `team`, with `metadata` (its inner text) and `rest` ("status": …) added.
Sighting sight_agent(const std::string& metadata, const std::string& rest) {
  const std::string text = R"({"metadata":{"namespace":"team","name":"box","uid":"u1")" + metadata + "}," + rest + "}";
  return sight(json::parse(text), config_for(config::KubernetesKind::agent_sandbox));
}

const std::string kReady = R"("status":{"podIPs":["10.0.0.7"],"conditions":[{"type":"Ready","status":"True"}]})";
const std::string kUnready = R"("status":{"podIPs":["10.0.0.7"],"conditions":[{"type":"Ready","status":"False"}]})";

routing::Route route_of(const Sighting& sighting) {
  REQUIRE(sighting.id);
  const auto parsed = routing::parse_record(*sighting.id, sighting.record);
  REQUIRE(parsed.has_value());
  return **parsed;
}

std::string annotated(const std::string& name, const std::string& value) {
  return R"(,"annotations":{"sandgate.dev/)" + name + "\":" + json::serialize(json::value(value)) + "}";
}

TEST_CASE("object: an agent-sandbox that is ready is routed", "[registry]") {
  const routing::Route route = route_of(sight_agent("", kReady));
  CHECK(route.address.to_string() == "10.0.0.7");
  CHECK(route.generation == "u1");
  CHECK(route.state == routing::SandboxState::running);
  CHECK_FALSE(route.access.allow_public_traffic);
}

TEST_CASE("object: what says that an agent-sandbox does not run", "[registry]") {
  const auto [rest, is_running] = GENERATE_COPY(table<std::string, bool>({
      {kReady, true},
      {kUnready, false},
      {R"("status":{"podIPs":["10.0.0.7"]})", false},
      {R"("spec":{"operatingMode":"Running"},)" + kReady, true},
      {R"("spec":{"operatingMode":"Suspended"},)" + kReady, false},
      {R"("spec":{"operatingMode":7},)" + kReady, false},
      {R"("spec":{"operatingMode":null},)" + kReady, true},
      {R"("spec":{"replicas":1},)" + kReady, true},
      {R"("spec":{"replicas":0},)" + kReady, false},
  }));
  CAPTURE(rest);
  CHECK((route_of(sight_agent("", rest)).state == routing::SandboxState::running) == is_running);
}

TEST_CASE("object: one with its node's network is not routed: the address is the node's", "[registry]") {
  for (const char* spec : {R"({"podTemplate":{"spec":{"hostNetwork":true}}})", R"({"hostNetwork":true})",
                           R"({"template":{"spec":{"hostNetwork":true}}})"}) {
    CAPTURE(spec);
    const Sighting seen = sight_agent("", kReady + R"(,"spec":)" + spec);
    CHECK(seen.problem);
    CHECK(seen.record.empty());
  }
  CHECK_FALSE(sight_agent("", kReady + R"(,"spec":{"template":{"spec":{"hostNetwork":false}}})").problem);
}

TEST_CASE("object: without an address it is not routed, and claims its id", "[registry]") {
  for (const char* rest : {R"("status":{})", R"("spec":{})", R"("status":{"podIPs":[]})", R"("status":{"podIPs":[7]})",
                           R"("status":[])"}) {
    CAPTURE(rest);
    const Sighting sighting = sight_agent("", rest);
    CHECK(sighting.is_sandbox);
    CHECK(sighting.id == computed_id({"team", "box"}));
    CHECK(sighting.record.empty());
    CHECK_FALSE(sighting.problem);
  }
}

TEST_CASE("object: of a warm pool it is nobody's sandbox", "[registry]") {
  CHECK_FALSE(sight_agent(R"(,"labels":{"agents.x-k8s.io/warm-pool-sandbox":"h"})", kReady).is_sandbox);
}

TEST_CASE("object: one that is being deleted takes no new requests", "[registry]") {
  const Sighting sighting = sight_agent(R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")", kReady);
  CHECK(sighting.is_leaving);
  CHECK(route_of(sighting).state == routing::SandboxState::paused);
}

TEST_CASE("object: which id it has", "[registry]") {
  CHECK(sight_agent(annotated("id", "MyBox1"), kReady).id->view() == "mybox1");
  CHECK(sight_agent(annotated("id", "6BA7B810-9dad-11d1-80b4-00c04fd430c8"), kReady).id->view() ==
        "6ba7b8109dad11d180b400c04fd430c8");
  // As the shell has it: printf 'team/box' | sha256sum | cut -c1-32
  CHECK(sight_agent("", kReady).id->view() == "d7e14ac24a87122878f24b6da1336327");
}

TEST_CASE("object: nobody can name an object so that it has the id of another", "[registry]") {
  CHECK_FALSE(computed_id({"a", "b--c"}) == computed_id({"a--b", "c"}));
  CHECK_FALSE(computed_id({"ab", "c"}) == computed_id({"a", "bc"}));
}

TEST_CASE("object: an id that cannot be one is a problem, and not left to chance", "[registry]") {
  const auto text = GENERATE(as<std::string>(), "my-box", "team--box", "a.b", "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
                             std::string(64, 'a'));
  CAPTURE(text);
  const Sighting sighting = sight_agent(annotated("id", text), kReady);
  CHECK_FALSE(sighting.id);
  CHECK(sighting.problem);
  CHECK(sighting.record.empty());
}

TEST_CASE("object: an id is chosen only in a namespace that is listed", "[registry]") {
  auto config = config_for(config::KubernetesKind::agent_sandbox);
  config.namespaces = {"other"};
  const json::value object = json::parse(
      R"({"metadata":{"namespace":"team","name":"box","uid":"u","annotations":{"sandgate.dev/id":"victim"}},)" +
      kReady + "}");
  CHECK_FALSE(sight(object, config).id);
  config.namespaces = {};
  CHECK_FALSE(sight(object, config).id);
  CHECK(sight(object, config).problem);
  config.namespaces = {"team"};
  CHECK(sight(object, config).id->view() == "victim");
}

TEST_CASE("object: a pod is a sandbox by its label", "[registry]") {
  const auto config = config_for(config::KubernetesKind::pods);
  const auto pod = [&](const std::string& labels, const std::string& spec, const std::string& phase) {
    return sight(json::parse(R"({"metadata":{"namespace":"team","name":"p","uid":"u","labels":)" + labels +
                             R"(},"spec":)" + spec + R"(,"status":{"phase":")" + phase +
                             R"(","podIP":"10.0.0.8","conditions":[{"type":"Ready","status":"True"}]}})"),
                 config);
  };
  const std::string label = R"({"sandgate.dev/sandbox":"box1"})";
  CHECK(pod(label, "{}", "Running").id->view() == "box1");
  CHECK(route_of(pod(label, "{}", "Running")).address.to_string() == "10.0.0.8");
  CHECK(pod(R"({"sandgate.dev/sandbox":""})", "{}", "Running").id == computed_id({"team", "p"}));
  CHECK_FALSE(pod("{}", "{}", "Running").is_sandbox);
  CHECK_FALSE(pod(label, "{}", "Succeeded").is_sandbox);
  CHECK_FALSE(pod(label, "{}", "Failed").is_sandbox);
  CHECK(pod(label, R"({"hostNetwork":true})", "Running").problem);
}

TEST_CASE("object: another platform's is read by paths", "[registry]") {
  auto config = config_for(config::KubernetesKind::custom);
  config.default_access = config::DefaultAccess::public_access;
  SECTION("OpenKruise") {
    config.custom = {"agents.kruise.io",     "v1alpha1",     "sandboxes",    "",
                     "status.podInfo.podIP", "metadata.uid", "status.phase", {"Running"}};
    const auto phase = [&](const std::string& is) {
      return sight(json::parse(R"({"metadata":{"namespace":"team","name":"k","uid":"u9"},"status":{"phase":")" + is +
                               R"(","podInfo":{"podIP":"10.0.0.9"}}})"),
                   config);
    };
    CHECK(route_of(phase("Running")).state == routing::SandboxState::running);
    CHECK(route_of(phase("Paused")).state == routing::SandboxState::paused);
    CHECK(route_of(phase("Running")).generation == "u9");
    CHECK(route_of(phase("Running")).access.allow_public_traffic);
  }
  SECTION("OpenSandbox") {
    config.custom = {"sandbox.opensandbox.io",
                     "v1alpha1",
                     "batchsandboxes",
                     "metadata.name",
                     R"(metadata.annotations["sandbox.opensandbox.io/endpoints"] | [0])",
                     "metadata.uid",
                     "status.ready",
                     {"1"}};
    const json::value object = json::parse(
        R"({"metadata":{"namespace":"team","name":"0f8fad5b-d9cb-469f-a165-70867728950e","uid":"u8",)"
        R"("annotations":{"sandbox.opensandbox.io/endpoints":"[\"10.0.0.5\"]"}},"status":{"replicas":1,"ready":1}})");
    const Sighting sighting = sight(object, config);
    CHECK(sighting.id->view() == "0f8fad5bd9cb469fa16570867728950e");
    CHECK(route_of(sighting).address.to_string() == "10.0.0.5");
    CHECK(route_of(sighting).state == routing::SandboxState::running);
  }
  SECTION("an id the API server made needs no listed namespace") {
    config.namespaces.clear();
    config.custom = {"", "v1", "pods", "metadata.uid", "status.podIP", "metadata.uid", "", {}};
    const json::value object =
        json::parse(R"({"metadata":{"namespace":"any","name":"p","uid":"0f8fad5b-d9cb-469f-a165-70867728950e"},)"
                    R"("status":{"podIP":"10.0.0.5"}})");
    CHECK(sight(object, config).id->view() == "0f8fad5bd9cb469fa16570867728950e");
  }
}

TEST_CASE("object: policy is what its annotations say", "[registry]") {
  const routing::Route masked = route_of(sight_agent(annotated("mask_request_host", "localhost:${PORT}"), kReady));
  CHECK(masked.mask);
  CHECK(route_of(sight_agent(annotated("allow_public_traffic", "true"), kReady)).access.allow_public_traffic);
  CHECK(route_of(sight_agent(annotated("max_connections", "9"), kReady)).max_connections == 9);
  CHECK(route_of(sight_agent(annotated("expires_at", "2030-01-01T00:00:00Z"), kReady)).expires_at);
  const routing::Route ports = route_of(sight_agent(annotated("ports", R"({"50051":{"protocol":"h2c"}})"), kReady));
  CHECK(ports.protocol(50051) == routing::UpstreamProtocol::h2c);
  const std::string digest(64, 'a');
  CHECK(route_of(sight_agent(annotated("traffic_access_token_sha256", digest), kReady)).access.tokens.size() == 1);
}

TEST_CASE("object: an annotation that is wrong makes no record", "[registry]") {
  const auto [name, value] = GENERATE(table<std::string, std::string>({
      {"traffic_access_token", "plain"},
      {"address", "10.0.0.1"},
      {"execution_id", "mine"},
      {"state", "running"},
      {"orchestrator_ip", "10.0.0.1"},
      {"allow-public-traffic", "true"},
      {"", "x"},
      {"traffic_access_token_secret", ""},
      {"traffic_access_token_secret", "../other"},
      {"traffic_access_token_secret", "a/b/c"},
      {"traffic_access_token_secret", "a?b"},
  }));
  CAPTURE(name, value);
  const Sighting sighting = sight_agent(annotated(name, value), kReady);
  REQUIRE(sighting.problem);
  CHECK(sighting.record.empty());
  CHECK(sighting.problem->text.find("plain") == std::string::npos);
}

TEST_CASE("object: a value that is wrong is refused by the record's own rules", "[registry]") {
  const auto [name, value] = GENERATE(table<std::string, std::string>({{"allow_public_traffic", "yes"},
                                                                       {"max_connections", "many"},
                                                                       {"max_connections", "-2"},
                                                                       {"ports", "[]"},
                                                                       {"expires_at", "tomorrow"},
                                                                       {"mask_request_host", "a b"},
                                                                       {"traffic_access_token_sha256", "abc"}}));
  CAPTURE(name, value);
  const Sighting sighting = sight_agent(annotated(name, value), kReady);
  CHECK(routing::parse_record(*sighting.id, sighting.record).has_error());
}

TEST_CASE("object: a token may be in a Secret, and then nowhere else", "[registry]") {
  const Sighting sighting = sight_agent(annotated("traffic_access_token_secret", "mine/password"), kReady);
  REQUIRE(sighting.token);
  CHECK(*sighting.token == SecretRef{"team", "mine", "password"});
  CHECK(sight_agent(annotated("traffic_access_token_secret", "mine"), kReady).token->key == "token");
  const auto parsed = routing::parse_record(*sighting.id, with_token(sighting.record, std::string(64, '0')));
  REQUIRE(parsed.has_value());
  CHECK((*parsed)->access.tokens.size() == 1);
  const Sighting both = sight_agent(R"(,"annotations":{"sandgate.dev/traffic_access_token_secret":"a",)"
                                    R"("sandgate.dev/traffic_access_token_sha256":"b"})",
                                    kReady);
  CHECK(both.problem);
}

TEST_CASE("object: a record that would be too large is none", "[registry]") {
  const Sighting sighting = sight_agent(annotated("mask_request_host", std::string(70'000, 'a')), kReady);
  CHECK(sighting.problem);
  CHECK(sighting.record.empty());
}

TEST_CASE("object: a Secret gives the digest of its token, or says why not", "[registry]") {
  const std::string whole = R"({"kind":"Secret","metadata":{"name":"mine","namespace":"team"},)"
                            R"("data":{"token":"Zmlyc3QK","empty":"","bad":"%%"}})";
  // Of "first", without the line end after it.
  const auto found = read_secret(whole, {"team", "mine", "token"});
  REQUIRE(found);
  CHECK(found->digest == "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e");
  for (const char* key : {"empty", "bad", "none"}) {
    const auto without = read_secret(whole, {"team", "mine", key});
    REQUIRE(without);
    CHECK(without->digest.empty());
    CHECK_FALSE(without->problem.empty());
  }
}

TEST_CASE("object: what is not the Secret that was asked for says nothing of it", "[registry]") {
  const std::string rest = R"(,"metadata":{"name":"mine","namespace":"team"},"data":{"token":"Zmlyc3QK"}})";
  CHECK(read_secret(R"({"kind":"Secret")" + rest, {"team", "mine", "token"}));
  CHECK_FALSE(read_secret(R"({"kind":"Secret")" + rest, {"team", "other", "token"}));
  CHECK_FALSE(read_secret(R"({"kind":"Secret")" + rest, {"other", "mine", "token"}));
  CHECK_FALSE(read_secret(R"({"kind":"Pod")" + rest, {"team", "mine", "token"}));
  CHECK_FALSE(read_secret(R"({"kind":"Secret","data":{"token":"Zmlyc3QK"}})", {"team", "mine", "token"}));
  CHECK_FALSE(read_secret("<html>", {"team", "mine", "token"}));
}

}  // namespace
}  // namespace sandgate::proxy::registry::kubernetes

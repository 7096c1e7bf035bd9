#include <proxy/base/fork.hpp>
#include <proxy/registry/registry.hpp>
#include <proxy/serve.hpp>
#include <tests/support/scripted_peers.hpp>

#include <catch2/catch.hpp>

#include <memory>

namespace sandgate::proxy::tests {
namespace {

std::shared_ptr<const config::Config> test_config() {
  config::Config config = config::default_config();
  config.domains = {"sandbox.test"};
  return std::make_shared<const config::Config>(std::move(config));
}

routing::SandboxId id_of(std::string_view text) { return *routing::SandboxId::parse(text); }

/// An edge in memory: a registry, a client and sandboxes as scripted.
class Edge {
 public:
  Edge() { registry.mark_loaded(); }

  void put(std::string_view json) { registry.put(id_of("sbx1"), json); }
  void answer(SandboxScript script) { opener.scripts.emplace_back(std::move(script)); }
  void serve_it() {
    const ServeEnvironment environment{loop, metrics, nullptr, registry, opener, live, config, drain, random};
    bool is_done = false;
    run(environment, is_done);
    for (int i = 0; i < 10 && !is_done; ++i) loop.run_once(std::chrono::milliseconds(0));
    REQUIRE(is_done);
  }
  std::string reason() const { return client.heads.empty() ? "" : client.heads.back().value("x-sandgate-reason"); }
  std::uint16_t status() const { return client.heads.empty() ? std::uint16_t{0} : client.heads.back().status; }
  std::uint64_t outcomes() const {
    std::uint64_t total = 0;
    for (const auto& outcome : metrics.exchanges) total += outcome[0].value();
    return total;
  }
  std::uint64_t outcome(std::optional<Failure> failure) const {
    return metrics.exchanges[failure ? static_cast<std::size_t>(*failure) + 1 : 0][0].value();
  }

  Loop loop;
  Metrics metrics;
  registry::Registry registry;
  ScriptedOpener opener;
  LiveExchanges live;
  std::shared_ptr<const config::Config> config = test_config();
  DrainPhase drain = DrainPhase::serving;
  std::mt19937_64 random;
  ScriptedClient client;

 private:
  Detached run(const ServeEnvironment& environment, bool& is_done) {
    co_await serve(environment, client);
    is_done = true;
  }
};

constexpr std::string_view kPublic = R"({"address":"10.0.0.7","execution_id":"one"})";
constexpr std::string_view kPrivate =
    R"({"address":"10.0.0.7","allow_public_traffic":false,"traffic_access_token":"secret"})";

}  // namespace

TEST_CASE("serve: a request reaches its sandbox and the answer its client", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  SandboxScript script;
  script.body = {std::string("hello "), std::string("world")};
  edge.answer(script);
  edge.serve_it();
  CHECK(edge.status() == 200);
  CHECK(edge.client.sink.bytes == "hello world");
  CHECK(edge.client.sink.is_finished);
  CHECK(edge.opener.requests.at(0).value("host") == "8080-sbx1.sandbox.test");
  CHECK(edge.outcome(std::nullopt) == 1);
  CHECK(edge.outcomes() == 1);
  CHECK(edge.metrics.active_exchanges.value() == 0);
  CHECK(edge.metrics.bytes_down.value() == 11);
}

TEST_CASE("serve: every refusal before the sandbox sends nothing to it", "[serve]") {
  struct Row {
    const char* what;
    std::function<void(Edge&)> prepare;
    Failure failure;
  };
  const auto with_record = [](std::string_view json) { return [json](Edge& edge) { edge.put(json); }; };
  const std::vector<Row> rows{
      {"a malformed request", [](Edge& edge) { edge.client.refused_with = Failure::bad_request; },
       Failure::bad_request},
      {"another domain", [](Edge& edge) { edge.client.head().authority = "8080-sbx1.evil.test"; },
       Failure::bad_authority},
      {"a certificate that does not cover the host", [](Edge& edge) { edge.client.is_covered = false; },
       Failure::misdirected},
      {"a reserved route of the agent",
       [](Edge& edge) {
         edge.client.head().authority = "49983-sbx1.sandbox.test";
         edge.client.head().target = "/init?x";
       },
       Failure::agent_route_reserved},
      {"an id nobody knows", [](Edge&) {}, Failure::sandbox_not_found},
      {"a paused sandbox", with_record(R"({"address":"10.0.0.7","state":"paused"})"), Failure::sandbox_not_found},
      {"a record past its time", with_record(R"({"address":"10.0.0.7","expires_at":"2020-01-01T00:00:00Z"})"),
       Failure::sandbox_not_found},
      {"a record that is not valid", with_record(R"({"address":7})"), Failure::record_invalid},
      {"no token", with_record(kPrivate), Failure::token_missing},
      {"another token",
       [](Edge& edge) {
         edge.put(kPrivate);
         edge.client.head().fields.add("E2B-Traffic-Access-Token", "guess");
       },
       Failure::token_invalid},
      {"a private sandbox without a token",
       [](Edge& edge) {
         edge.put(R"({"address":"10.0.0.7","allow_public_traffic":false})");
         edge.client.head().fields.add("e2b-traffic-access-token", "x");
       },
       Failure::token_invalid},
      {"a sandbox that takes no connection", with_record(R"({"address":"10.0.0.7","max_connections":0})"),
       Failure::too_many_connections},
      {"a loop",
       [](Edge& edge) {
         edge.put(kPublic);
         for (int i = 0; i < 7; ++i) edge.client.head().fields.add("CDN-Loop", "sandgate");
       },
       Failure::loop_detected},
      {"a drain whose grace is over", [](Edge& edge) { edge.drain = DrainPhase::over; }, Failure::draining},
  };
  for (const Row& expected : rows) {
    INFO(expected.what);
    Edge edge;
    expected.prepare(edge);
    edge.serve_it();
    CHECK(edge.reason() == label(expected.failure));
    CHECK(edge.status() == row(expected.failure).status);
    CHECK(edge.opener.asked.empty());
    CHECK(edge.outcome(expected.failure) == 1);
    CHECK(edge.outcomes() == 1);
    CHECK(edge.client.will_close == row(expected.failure).closes);
  }
}

TEST_CASE("serve: before the registry's first load nobody is told that a sandbox does not exist", "[serve]") {
  Edge edge;
  registry::Registry empty;
  const ServeEnvironment environment{edge.loop, edge.metrics, nullptr,    empty,      edge.opener,
                                     edge.live, edge.config,  edge.drain, edge.random};
  [](const ServeEnvironment& over, ScriptedClient& client) -> Detached { co_await serve(over, client); }(environment,
                                                                                                         edge.client);
  CHECK(edge.reason() == "registry_unavailable");
  CHECK(edge.client.heads.back().value("retry-after") == "1");
}

TEST_CASE("serve: the right token opens a private sandbox, and the sandbox never sees it", "[serve]") {
  Edge edge;
  edge.put(kPrivate);
  edge.client.head().fields.add("E2b-Traffic-Access-Token", "secret");
  edge.answer({});
  edge.serve_it();
  CHECK(edge.status() == 200);
  CHECK(edge.opener.requests.at(0).value("e2b-traffic-access-token").empty());
}

TEST_CASE("serve: interim responses are passed on before the final one", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  SandboxScript script;
  script.statuses = {103, 103, 200};
  edge.answer(script);
  edge.serve_it();
  REQUIRE(edge.client.heads.size() == 3);
  CHECK(edge.client.heads[0].status == 103);
  CHECK(edge.client.heads[2].status == 200);
}

TEST_CASE("serve: what fails before the response began is told, after it the client is cut off", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  SandboxScript script;
  SECTION("before") {
    script.head_fails_with = Failure::response_invalid;
    edge.answer(script);
    edge.serve_it();
    CHECK(edge.reason() == "response_invalid");
    CHECK_FALSE(edge.client.was_aborted);
  }
  SECTION("after") {
    script.body = {std::string("half"), Failure::sandbox_truncated};
    edge.answer(script);
    edge.serve_it();
    CHECK(edge.status() == 200);
    CHECK(edge.client.was_aborted);
    CHECK(edge.outcome(Failure::sandbox_truncated) == 1);
  }
  CHECK(edge.outcomes() == 1);
}

TEST_CASE("serve: a reused connection that fails at once is tried again on a fresh one", "[serve]") {
  struct Row {
    const char* method;
    bool is_reused;
    bool has_answered;
    std::size_t tries;
  };
  const std::vector<Row> rows{
      {"GET", true, false, 2},   {"PUT", true, false, 2},  {"DELETE", true, false, 2}, {"POST", true, false, 1},
      {"PATCH", true, false, 1}, {"GET", false, false, 1}, {"GET", true, true, 1},
  };
  for (const Row& expected : rows) {
    INFO(expected.method << expected.is_reused << expected.has_answered);
    Edge edge;
    edge.put(kPublic);
    edge.client.head().method = expected.method;
    SandboxScript stale;
    stale.head_fails_with = Failure::sandbox_reset;
    stale.is_reused = expected.is_reused;
    stale.has_answered = expected.has_answered;
    edge.answer(stale);
    edge.answer({});
    edge.serve_it();
    CHECK(edge.opener.asked.size() == expected.tries);
    CHECK((edge.status() == 200) == (expected.tries == 2));
    if (expected.tries == 2) CHECK(edge.opener.asked.back() == upstream::Reuse::fresh_only);
  }
}

TEST_CASE("serve: a request whose body was begun is never sent twice", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  edge.client.head().method = "PUT";
  edge.client.head().body = {http::BodyLength::Kind::length, 4};
  edge.client.source.parts = {std::string("body")};
  SandboxScript stale;
  stale.head_fails_with = Failure::sandbox_reset;
  stale.is_reused = true;
  edge.answer(stale);
  edge.serve_it();
  CHECK(edge.opener.asked.size() == 1);
  CHECK(edge.reason() == "sandbox_reset");
}

TEST_CASE("serve: a route that changes while it is dialled is looked up again", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  edge.opener.scripts.emplace_back(Failure::route_changed);
  edge.answer({});
  edge.serve_it();
  CHECK(edge.status() == 200);
  CHECK(edge.opener.asked.size() == 2);
}

TEST_CASE("serve: a route that goes on changing ends in a refusal", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  for (int i = 0; i < 8; ++i) edge.opener.scripts.emplace_back(Failure::route_changed);
  edge.serve_it();
  CHECK(edge.status() == 502);
  CHECK(edge.outcome(Failure::route_changed) == 1);
}

TEST_CASE("serve: an exchange of a generation that ends is ended with it", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  SandboxScript script;
  script.on_request = [&] { edge.live.change_route(id_of("sbx1"), nullptr, {}); };
  edge.answer(script);
  edge.serve_it();
  CHECK(edge.outcome(Failure::route_changed) == 1);
  CHECK(edge.status() == 502);
}

TEST_CASE("serve: an exchange of the generation that stays goes on", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  SandboxScript script;
  script.on_request = [&] {
    const auto now = edge.registry.find(id_of("sbx1"));
    edge.live.change_route(id_of("sbx1"), now.route.get(), {});
  };
  edge.answer(script);
  edge.serve_it();
  CHECK(edge.status() == 200);
}

TEST_CASE("serve: a client that fails within its body ends the exchange with its own fault", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  edge.client.head().method = "POST";
  edge.client.head().body = {http::BodyLength::Kind::chunked, 0};
  edge.client.source.parts = {std::string("some"), Failure::bad_request};
  edge.answer({});
  edge.serve_it();
  CHECK(edge.reason() == "bad_request");
  CHECK(edge.outcome(Failure::bad_request) == 1);
}

TEST_CASE("serve: a limit counts what is open, not what was", "[serve]") {
  Edge edge;
  edge.put(R"({"address":"10.0.0.7","max_connections":1})");
  for (int i = 0; i < 3; ++i) {
    edge.answer({});
    edge.serve_it();
    CHECK(edge.status() == 200);
  }
  const routing::Lookup found = edge.registry.find(id_of("sbx1"));
  CHECK(found.usage->active == 0);
  CHECK(found.usage->exchanges == 3);
}

TEST_CASE("serve: a plain listener that redirects sends the client to https with its path", "[serve]") {
  Edge edge;
  edge.put(kPublic);
  edge.client.info.redirect_to_https = true;
  edge.client.head().authority = "8080-sbx1.sandbox.test:80";
  edge.client.head().target = "/a/b?c=d";
  edge.serve_it();
  CHECK(edge.status() == 308);
  CHECK(edge.client.heads.back().value("location") == "https://8080-sbx1.sandbox.test/a/b?c=d");
  CHECK(edge.opener.asked.empty());
}

}  // namespace sandgate::proxy::tests

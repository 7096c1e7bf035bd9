#include <config/load.hpp>
#include <config/validate.hpp>
#include <tests/unit/config/load_helpers.hpp>

#include <catch2/catch.hpp>

namespace sandgate::config {
namespace {

/// The keys of the rules that do not hold.
Texts keys_of(const std::vector<Violation>& violations) {
  Texts keys;
  for (const Violation& violation : violations) keys.push_back(violation.key);
  return keys;
}

Listener listener(const std::string& address) {
  Listener made;
  made.address = Endpoint::parse(address).value();
  return made;
}

Config valid() {
  Config config = default_config();
  config.domains = {"sandbox.test"};
  config.listeners = {listener("0.0.0.0:8443")};
  return config;
}

TEST_CASE("validate: the defaults with a domain and a listener hold every rule", "[config]") {
  CHECK(keys_of(validate(valid())).empty());
}

TEST_CASE("validate: without domain or listener nothing could be served", "[config]") {
  CHECK(keys_of(validate(default_config())) == Texts{"domains", "listeners"});
}

TEST_CASE("validate: a domain is a DNS name", "[config]") {
  const auto [name, accepted] = GENERATE(table<std::string, bool>({
      {"sandbox.test", true},
      {"localhost", true},
      {"a-1.b2.c", true},
      {"xn--bcher-kva.example", true},
      {"3.example", true},
      {std::string(63, 'a') + ".test", true},
      {std::string(64, 'a') + ".test", false},
      {"", false},
      {".", false},
      {".test", false},
      {"a..b", false},
      {"sandbox.test.", false},
      {"-a.test", false},
      {"a-.test", false},
      {"a_b.test", false},
      {"a b.test", false},
      {"b\u00fccher.test", false},
      {"sandbox.test:8443", false},
      {"https://sandbox.test", false},
      {"*.sandbox.test", false},
      {"10.0.0.1", false},
      {"[::1]", false},
  }));
  CAPTURE(name);
  Config config = valid();
  config.domains = {"ok.test", name};
  CHECK(keys_of(validate(config)) == (accepted ? Texts{} : Texts{"domains[1]"}));
}

TEST_CASE("validate: a domain name ends at 253 octets", "[config]") {
  const std::string label = std::string(49, 'a') + ".";
  Config config = valid();
  config.domains = {label + label + label + label + label + "abc"};
  CHECK(keys_of(validate(config)).empty());
  config.domains[0].push_back('d');
  CHECK(keys_of(validate(config)) == Texts{"domains[0]"});
}

TEST_CASE("validate: a domain given twice, in whatever spelling, is refused", "[config]") {
  const auto problems = problems_of("domains: [a.test, A.Test.]\nlisteners: [{address: 0.0.0.0:1}]");
  CHECK(problems == Texts{"edge.yaml:1:19: domains[1]: is given twice; remove one"});
}

TEST_CASE("validate: a TLS listener has a certificate", "[config]") {
  Config config = valid();
  config.listeners[0].tls = Tls{};
  CHECK(keys_of(validate(config)) == Texts{"listeners[0].tls.certificates"});
  config.listeners[0].tls->certificates = {{"c", "k"}, {"", ""}};
  CHECK(keys_of(validate(config)) ==
        Texts{"listeners[0].tls.certificates[1].chain", "listeners[0].tls.certificates[1].key"});
}

TEST_CASE("validate: only a plain listener redirects to https", "[config]") {
  Config config = valid();
  config.listeners[0].redirect_to_https = true;
  CHECK(keys_of(validate(config)).empty());
  config.listeners[0].tls = Tls{{{"c", "k"}}, TlsVersion::tls_1_2, {}};
  CHECK(keys_of(validate(config)) == Texts{"listeners[0].redirect_to_https"});
}

TEST_CASE("validate: the PROXY protocol names who sends it", "[config]") {
  Config config = valid();
  config.listeners[0].proxy_protocol = ProxyProtocol{};
  CHECK(keys_of(validate(config)) == Texts{"listeners[0].proxy_protocol.from"});
}

TEST_CASE("validate: no two listeners take the same connections", "[config]") {
  const auto [one, other, clash] = GENERATE(table<std::string, std::string, bool>({
      {"0.0.0.0:8443", "0.0.0.0:8443", true},
      {"0.0.0.0:8443", "10.0.0.1:8443", true},
      {"10.0.0.1:8443", "0.0.0.0:8443", true},
      {"[::]:8443", "[::1]:8443", true},
      {"unix:/a", "unix:/a", true},
      {"unix:/a", "unix:/b", false},
      {"unix:/a", "0.0.0.0:8443", false},
      {"0.0.0.0:8443", "[::]:8443", false},
      {"0.0.0.0:8443", "0.0.0.0:8444", false},
      {"10.0.0.1:8443", "10.0.0.2:8443", false},
      {"127.0.0.1:0", "127.0.0.1:0", false},
  }));
  CAPTURE(one, other);
  Config config = valid();
  config.listeners = {listener(one), listener(other)};
  CHECK(keys_of(validate(config)) == (clash ? Texts{"listeners[1].address"} : Texts{}));
}

TEST_CASE("validate: admin and health have addresses of their own", "[config]") {
  Config config = valid();
  config.listeners = {listener("0.0.0.0:9090")};
  CHECK(keys_of(validate(config)) == Texts{"admin.address"});
  config.listeners = {listener("0.0.0.0:8443")};
  config.health = Health{config.admin.address};
  CHECK(keys_of(validate(config)) == Texts{"health.address"});
}

TEST_CASE("validate: there is an end to the number of listeners", "[config]") {
  Config config = valid();
  config.listeners.assign(65, listener("127.0.0.1:0"));
  CHECK(keys_of(validate(config)) == Texts{"listeners"});
  config.listeners.pop_back();
  CHECK(keys_of(validate(config)).empty());
}

TEST_CASE("validate: an admin address off loopback needs a token", "[config]") {
  const auto [address, needs_token] = GENERATE(table<std::string, bool>({
      {"127.0.0.1:9090", false},
      {"[::1]:9090", false},
      {"unix:/run/admin.sock", false},
      {"0.0.0.0:9090", true},
      {"10.0.0.1:9090", true},
      {"[::]:9090", true},
  }));
  CAPTURE(address);
  Config config = valid();
  config.admin.address = Endpoint::parse(address).value();
  CHECK(keys_of(validate(config)) == (needs_token ? Texts{"admin.address"} : Texts{}));
  config.admin.token_file = "/token";
  CHECK(keys_of(validate(config)).empty());
}

TEST_CASE("validate: edge.id is a token", "[config]") {
  const auto [id, accepted] = GENERATE(table<std::string, bool>({{"edge-1", true},
                                                                 {"a.b_c~", true},
                                                                 {"", false},
                                                                 {"a b", false},
                                                                 {"a;b", false},
                                                                 {"a,b", false},
                                                                 {"\u00e9", false}}));
  CAPTURE(id);
  Config config = valid();
  config.edge.id = id;
  CHECK(keys_of(validate(config)) == (accepted ? Texts{} : Texts{"edge.id"}));
}

TEST_CASE("validate: the token header is a field name the edge does not need itself", "[config]") {
  const auto [name, accepted] = GENERATE(table<std::string, bool>({{"x-token", true},
                                                                   {"authorization", true},
                                                                   {"", false},
                                                                   {"x token", false},
                                                                   {"x-token:", false},
                                                                   {"host", false},
                                                                   {"content-length", false},
                                                                   {"e2b-sandbox-id", false}}));
  CAPTURE(name);
  Config config = valid();
  config.access.token_header = name;
  CHECK(keys_of(validate(config)) == (accepted ? Texts{} : Texts{"access.token_header"}));
}

TEST_CASE("validate: a reserved path is one that a cleaned path can equal", "[config]") {
  const auto [path, accepted] = GENERATE(table<std::string, bool>({
      {"/init", true},
      {"/a/b.c/..d", true},
      {"/", true},
      {"", false},
      {"init", false},
      {"/init/", false},
      {"//init", false},
      {"/a//b", false},
      {"/a/./b", false},
      {"/a/..", false},
      {"/a?b", false},
      {"/a%20b", false},
      {"/a#b", false},
  }));
  CAPTURE(path);
  Config config = valid();
  config.access.reserved_paths.paths = {path};
  CHECK(keys_of(validate(config)) == (accepted ? Texts{} : Texts{"access.reserved_paths.paths[0]"}));
}

TEST_CASE("validate: the sources that exist are store, file, redis and kubernetes", "[config]") {
  const auto source = GENERATE(as<std::string>(), "store", "file", "redis", "kubernetes");
  CHECK(problems_of(kLeast + "registry: {source: " + source + "}") == Texts{});
}

TEST_CASE("validate: the source that is used has a path", "[config]") {
  Config config = valid();
  config.registry.store.path.clear();
  CHECK(keys_of(validate(config)) == Texts{"registry.store.path"});
  config.registry.source = RegistrySource::file;
  CHECK(keys_of(validate(config)).empty());
  config.registry.file.path.clear();
  CHECK(keys_of(validate(config)) == Texts{"registry.file.path"});
}

TEST_CASE("validate: a timeout that cannot be turned off is not 0", "[config]") {
  const auto [name, may_be_zero] = GENERATE(table<std::string, bool>({
      {"tls_handshake", false},
      {"proxy_header", false},
      {"client_head", false},
      {"client_body_idle", false},
      {"client_idle", false},
      {"client_write", false},
      {"registry_lookup", false},
      {"connect", false},
      {"sandbox_idle", false},
      {"response_head", true},
      {"stream_idle", true},
      {"tunnel_idle", true},
      {"drain_announce", true},
      {"drain_grace", true},
  }));
  CAPTURE(name);
  const Texts refused{"edge.yaml:3:" + std::to_string(14 + name.size()) + ": timeouts." + name +
                      ": must be more than 0: this timeout cannot be turned off"};
  CHECK(problems_of(kLeast + "timeouts: {" + name + ": 0}") == (may_be_zero ? Texts{} : refused));
}

TEST_CASE("validate: one try to connect is no longer than all of them", "[config]") {
  Config config = valid();
  config.timeouts.connect = config.timeouts.connect_total;
  CHECK(keys_of(validate(config)).empty());
  config.timeouts.connect += milliseconds{1};
  CHECK(keys_of(validate(config)) == Texts{"timeouts.connect"});
  config.timeouts.connect = config.timeouts.connect_total = milliseconds{0};
  CHECK(keys_of(validate(config)) == Texts{"timeouts.connect", "timeouts.connect_total"});
}

TEST_CASE("validate: a limit is within what the edge can hold", "[config]") {
  const auto [yaml, key] = GENERATE(table<std::string, std::string>({
      {"limits: {head_bytes: 1KiB, target_bytes: 1KiB, response_head_bytes: 1MiB}", ""},
      {"limits: {head_bytes: 1023B}", "limits.head_bytes"},
      {"limits: {head_bytes: 1048577B}", "limits.head_bytes"},
      {"limits: {target_bytes: 0}", "limits.target_bytes"},
      {"limits: {response_head_bytes: 2MiB}", "limits.response_head_bytes"},
      {"limits: {head_fields: 0}", "limits.head_fields"},
      {"limits: {response_head_fields: 0}", "limits.response_head_fields"},
      {"limits: {exchanges_per_connection: 0}", "limits.exchanges_per_connection"},
      {"limits: {connections: 0}", "limits.connections"},
      {"limits: {handshakes: 0}", "limits.handshakes"},
      {"limits: {handshakes_per_client: 0}", "limits.handshakes_per_client"},
      {"limits: {memory: 1MiB}", ""},
      {"limits: {memory: 0}", ""},
      {"limits: {memory: 1023KiB}", "limits.memory"},
      {"limits: {connections_per_client: 0, connections_per_sandbox: 0}", ""},
      {"workers: 0", "workers"},
      {"workers: 1025", "workers"},
      {"workers: 1024", ""},
  }));
  CAPTURE(yaml);
  const auto problems = problems_of(kLeast + yaml);
  REQUIRE(problems.size() == (key.empty() ? 0 : 1));
  if (!key.empty()) CHECK_THAT(problems[0], Catch::Contains(": " + key + ": must be"));
}

TEST_CASE("validate: the access log is JSON, somewhere", "[config]") {
  Config config = valid();
  config.access_log = {"off", "json"};
  CHECK(keys_of(validate(config)).empty());
  config.access_log = {"", "common"};
  CHECK(keys_of(validate(config)) == Texts{"access_log.path", "access_log.format"});
}

TEST_CASE("needs restart: what a reload changes needs none", "[config]") {
  Config loaded = valid();
  loaded.domains = {"other.test"};
  loaded.timeouts.connect = milliseconds{1};
  loaded.upstream.allow.clear();
  loaded.admin.token_file = "/token";
  loaded.registry.file.path = "/other.yaml";  // not the source that is used
  CHECK(needs_restart(valid(), loaded).empty());
}

TEST_CASE("needs restart: sockets, workers and the source of records do", "[config]") {
  Config loaded = valid();
  loaded.workers = 2;
  loaded.listeners = {listener("0.0.0.0:8444")};
  loaded.listeners[0].tls = Tls{};
  loaded.admin.address.port = 1;
  loaded.health = Health{};
  loaded.registry.source = RegistrySource::file;
  CHECK(needs_restart(valid(), loaded) == Texts{"workers", "listeners[0].address", "listeners[0].tls", "admin.address",
                                                "health.address", "registry.source"});
}

TEST_CASE("needs restart: more or fewer listeners, another database", "[config]") {
  Config loaded = valid();
  loaded.listeners.push_back(listener("0.0.0.0:8080"));
  loaded.registry.store.path = "/other.db";
  CHECK(needs_restart(valid(), loaded) == Texts{"listeners", "registry.store.path"});
}

TEST_CASE("needs restart: a certificate is changed by a reload", "[config]") {
  Config running = valid();
  running.listeners[0].tls = Tls{{{"a", "a"}}, TlsVersion::tls_1_2, {}};
  Config loaded = running;
  loaded.listeners[0].tls->certificates = {{"b", "b"}};
  CHECK(needs_restart(running, loaded).empty());
}

}  // namespace
}  // namespace sandgate::config

#include <config/load.hpp>
#include <tests/unit/config/load_helpers.hpp>

#include <catch2/catch.hpp>

#include <chrono>

namespace sandgate::config {
namespace {

using namespace std::chrono_literals;

TEST_CASE("load: everything has a default but domains and listeners", "[config]") {
  const Config config = config_of(kLeast);
  CHECK(config.domains == Texts{"sandbox.test"});
  CHECK(config.listeners.size() == 1);
  CHECK_FALSE(config.listeners[0].tls);
  CHECK_FALSE(config.workers);
  CHECK(config.edge.id == "sandgate");
  CHECK(config.admin.address.to_string() == "127.0.0.1:9090");
  CHECK_FALSE(config.health);
  CHECK(config.registry.source == RegistrySource::store);
  CHECK(config.access.token_header == "e2b-traffic-access-token");
  CHECK(config.access.exempt_ports == std::vector<std::uint16_t>{49983});
  CHECK(config.upstream.allow.size() == 4);
  CHECK(config.timeouts.connect_total == 10s);
  CHECK(config.limits.head_bytes == kibibytes(64));
  CHECK_FALSE(config.limits.connections);
}

TEST_CASE("load: every key is read into its member", "[config]") {
  const Config config = config_of(R"(
domains: [Sandbox.Test., e2b.local]
workers: 3
listeners:
  - address: "[::]:8443"
    tls:
      certificates: [{chain: /c.crt, key: /c.key}]
      minimum_version: "1.3"
      ticket_keys: /t.keys
    proxy_protocol: {from: [10.0.0.0/8, ::1]}
  - {address: unix:/run/edge.sock, redirect_to_https: true}
edge: {id: edge-1}
admin: {address: 0.0.0.0:9999, token_file: /token}
health: {address: 0.0.0.0:9091}
registry: {source: file, store: {path: /s.db}, file: {path: /s.yaml}, redis: {url: "rediss://h/1", key_prefix: "p:"}}
access: {token_header: X-Token, exempt_ports: [1, 65535], reserved_paths: {port: 7, paths: [/a, /b/c]}}
upstream: {allow: [127.0.0.0/8], idle_per_port: 1, idle_total: 2}
trusted_proxies: [192.0.2.1]
timeouts: {tls_handshake: 1ms, proxy_header: 2ms, client_head: 3ms, client_body_idle: 4ms, client_idle: 5ms,
  client_write: 6ms, registry_lookup: 7ms, connect: 8ms, connect_total: 9ms, response_head: 10ms, stream_idle: 11ms,
  tunnel_idle: 12ms, sandbox_idle: 13ms, drain_announce: 14ms, drain_grace: 15ms, sandbox_ack: 16ms}
limits: {head_bytes: 2KiB, head_fields: 1, target_bytes: 3KiB, response_head_bytes: 4KiB, response_head_fields: 2,
  connections: 3, connections_per_client: 4, connections_per_sandbox: 5, exchanges_per_connection: 6,
  handshakes: 7, handshakes_per_client: 8, memory: 9MiB}
access_log: {path: /log, format: json}
)");
  CHECK(config.domains == Texts{"sandbox.test", "e2b.local"});
  CHECK(config.workers == 3U);
  REQUIRE(config.listeners.size() == 2);
  const Listener& tls = config.listeners[0];
  CHECK(tls.address.to_string() == "[::]:8443");
  REQUIRE(tls.tls.has_value());
  REQUIRE(tls.tls->certificates.size() == 1);
  CHECK(tls.tls->certificates[0].chain == "/c.crt");
  CHECK(tls.tls->certificates[0].key == "/c.key");
  CHECK(tls.tls->minimum_version == TlsVersion::tls_1_3);
  CHECK(tls.tls->ticket_keys == "/t.keys");
  REQUIRE(tls.proxy_protocol.has_value());
  CHECK(tls.proxy_protocol->from.size() == 2);
  CHECK_FALSE(tls.redirect_to_https);
  CHECK(config.listeners[1].address.unix_path == "/run/edge.sock");
  CHECK(config.listeners[1].redirect_to_https);
  CHECK(config.edge.id == "edge-1");
  CHECK(config.admin.address.port == 9999);
  CHECK(config.admin.token_file == "/token");
  REQUIRE(config.health.has_value());
  CHECK(config.health->address.port == 9091);
  CHECK(config.registry.source == RegistrySource::file);
  CHECK(config.registry.store.path == "/s.db");
  CHECK(config.registry.file.path == "/s.yaml");
  CHECK(config.registry.redis.url.text == "rediss://h/1");
  CHECK(config.registry.redis.key_prefix == "p:");
  CHECK(config.access.token_header == "x-token");
  CHECK(config.access.exempt_ports == std::vector<std::uint16_t>{1, 65535});
  CHECK(config.access.reserved_paths.port == 7);
  CHECK(config.access.reserved_paths.paths == Texts{"/a", "/b/c"});
  REQUIRE(config.upstream.allow.size() == 1);
  CHECK(config.upstream.allow[0].to_string() == "127.0.0.0/8");
  CHECK(config.upstream.idle_per_port == 1);
  CHECK(config.upstream.idle_total == 2);
  REQUIRE(config.trusted_proxies.size() == 1);
  CHECK(config.access_log.path == "/log");
  const Timeouts& t = config.timeouts;
  CHECK(std::vector{t.tls_handshake, t.proxy_header, t.client_head, t.client_body_idle, t.client_idle, t.client_write,
                    t.registry_lookup, t.connect, t.connect_total, t.response_head, t.stream_idle, t.tunnel_idle,
                    t.sandbox_idle, t.drain_announce, t.drain_grace, t.sandbox_ack} ==
        std::vector{1ms, 2ms, 3ms, 4ms, 5ms, 6ms, 7ms, 8ms, 9ms, 10ms, 11ms, 12ms, 13ms, 14ms, 15ms, 16ms});
  const Limits& l = config.limits;
  CHECK(l.head_bytes == kibibytes(2));
  CHECK(l.target_bytes == kibibytes(3));
  CHECK(l.response_head_bytes == kibibytes(4));
  CHECK(std::vector<std::uint32_t>{l.head_fields, l.response_head_fields, l.connections.value(),
                                   l.connections_per_client,
                                   l.exchanges_per_connection} == std::vector<std::uint32_t>{1, 2, 3, 4, 6});
  CHECK(l.connections_per_sandbox == 5);
  CHECK(l.handshakes == 7U);
  CHECK(l.handshakes_per_client == 8U);
  CHECK(l.memory == mebibytes(9));
}

TEST_CASE("load: the spellings of what may be left to the edge", "[config]") {
  CHECK_FALSE(config_of(kLeast + "workers: auto").workers);
  CHECK_FALSE(config_of(kLeast + "limits: {connections: auto}").limits.connections);
  CHECK_FALSE(config_of(kLeast + "limits: {memory: auto}").limits.memory);
  CHECK(config_of(kLeast + "limits: {memory: 0}").limits.memory == Bytes{});
  const std::string tls = "domains: [a.b]\nlisteners: [{address: 0.0.0.0:1, tls: {certificates: [{chain: c, key: k}], ";
  CHECK(config_of(tls + "minimum_version: 1.3}}]").listeners[0].tls->minimum_version == TlsVersion::tls_1_3);
  CHECK(config_of(tls + "minimum_version: '1.2'}}]").listeners[0].tls->minimum_version == TlsVersion::tls_1_2);
}

TEST_CASE("load: a list replaces its default as a whole", "[config]") {
  CHECK(config_of(kLeast + "access: {exempt_ports: []}").access.exempt_ports.empty());
  CHECK(config_of(kLeast + "upstream: {allow: [10.0.0.0/8]}").upstream.allow.size() == 1);
}

TEST_CASE("load: a value of the wrong kind is refused, with what to write instead", "[config]") {
  const auto [yaml, problem] = GENERATE(table<std::string, std::string>({
      {"timeouts: {connect: 10}",
       "3:21: timeouts.connect: must be a duration such as 10s or 250ms (a number needs a unit: ms, s, m or h), "
       "not \"10\""},
      {"timeouts: {connect: 10 seconds}",
       "3:21: timeouts.connect: must be a duration such as 10s or 250ms, not \"10 seconds\""},
      {"timeouts: {connect: [10s]}", "3:21: timeouts.connect: must be a duration such as 10s or 250ms, not a list"},
      {"timeouts: {connect: }", "3:21: timeouts.connect: must be a duration such as 10s or 250ms, not empty"},
      {"limits: {head_bytes: 65536}",
       "3:22: limits.head_bytes: must be a size such as 64KiB or 1MiB (a number needs a unit: B, KiB, MiB or GiB), "
       "not \"65536\""},
      {"limits: {head_fields: -1}",
       "3:23: limits.head_fields: must be a whole number from 0 to 4294967295, not \"-1\""},
      {"limits: {head_fields: 4294967296}",
       "3:23: limits.head_fields: must be a whole number from 0 to 4294967295, not \"4294967296\""},
      {"limits: {connections_per_sandbox: 2147483648}",
       "3:35: limits.connections_per_sandbox: must be a whole number from 0 to 2147483647, not \"2147483648\""},
      {"limits: {connections: all}", "3:23: limits.connections: must be auto or a whole number, not \"all\""},
      {"limits: {memory: 64}", "3:18: limits.memory: must be auto or a size such as 512MiB, not \"64\""},
      {"workers: 1.5", "3:10: workers: must be auto or a whole number, not \"1.5\""},
      {"access: {exempt_ports: [80, 0]}", "3:29: access.exempt_ports[1]: must be a port from 1 to 65535, not \"0\""},
      {"access: {exempt_ports: 80}", "3:24: access.exempt_ports: must be a list, [] for none, not \"80\""},
      {"access: {reserved_paths: {port: 65536}}",
       "3:33: access.reserved_paths.port: must be a port from 1 to 65535, not \"65536\""},
      {"admin: {address: localhost:9090}",
       "3:18: admin.address: must be an address and port such as 0.0.0.0:8443, \"[::]:8443\" (in quotes), or "
       "unix:/absolute/path, not \"localhost:9090\""},
      {"upstream: {allow: [10.0.0.1/8]}",
       "3:20: upstream.allow[0]: must be an address or range such as 10.0.0.0/8 or fc00::/7, without host bits, "
       "not \"10.0.0.1/8\""},
      {"registry: {source: etcd}", "3:20: registry.source: must be store, file, redis or kubernetes, not \"etcd\""},
      {"edge: sandgate", "3:7: edge: must be a map of keys, not \"sandgate\""},
      {"edge: [a]", "3:7: edge: must be a map of keys, not a list"},
      {"edge: {id: {a: b}}", "3:12: edge.id: must be a text of one line, not a map of keys"},
      {"edge: {id: \"a\\nb\"}", "3:12: edge.id: must be a text of one line, not \"a?b\""},
      {"edge: {id: ~}", "3:12: edge.id: must be a text of one line, not empty"},
  }));
  CAPTURE(yaml);
  CHECK(problems_of(kLeast + yaml) == Texts{"edge.yaml:" + problem});
}

TEST_CASE("load: true and false are the only truth values", "[config]") {
  const auto* text = GENERATE("yes", "on", "True", "1", "''");
  CAPTURE(text);
  const std::string yaml =
      "domains: [a.b]\nlisteners: [{address: 0.0.0.0:1, redirect_to_https: " + std::string(text) + "}]";
  const auto problems = problems_of(yaml);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], Catch::StartsWith("edge.yaml:2:53: listeners[0].redirect_to_https: must be true or false"));
}

TEST_CASE("load: an unknown key is refused, with the one that was meant", "[config]") {
  const auto [yaml, problem] = GENERATE(table<std::string, std::string>({
      {"timeouts: {client_haed: 1s}", "3:12: timeouts.client_haed: is not a key here; did you mean \"client_head\"?"},
      {"worker: 2", "3:1: worker: is not a key here; did you mean \"workers\"?"},
      {"edge: {name: a}", "3:8: edge.name: is not a key here; the keys here are id"},
      {"admin: {adress: a}", "3:9: admin.adress: is not a key here; did you mean \"address\"?"},
      {"access_log: {Path: a}", "3:14: access_log.Path: is not a key here; did you mean \"path\"?"},
      {"registry: {etcd: {}}",
       "3:12: registry.etcd: is not a key here; the keys here are source, store, file, redis, kubernetes"},
  }));
  CAPTURE(yaml);
  CHECK(problems_of(kLeast + yaml) == Texts{"edge.yaml:" + problem});
}

TEST_CASE("load: a key given twice is refused", "[config]") {
  CHECK(problems_of(kLeast + "edge: {id: a}\nworkers: 1\nedge: {id: b}") ==
        Texts{"edge.yaml:5:1: edge: is given twice; remove this one or the one on line 3"});
  CHECK(problems_of(kLeast + "edge:\n  id: a\n  id: a") ==
        Texts{"edge.yaml:5:3: edge.id: is given twice; remove this one or the one on line 4"});
}

TEST_CASE("load: what has no default must be there", "[config]") {
  CHECK(problems_of("workers: 1") == Texts{"edge.yaml:1:1: domains: is missing, and has no default",
                                           "edge.yaml:1:1: listeners: is missing, and has no default"});
  CHECK(problems_of("domains: [a.b]\nlisteners:\n  - tls: {}\n    proxy_protocol: {}") ==
        Texts{"edge.yaml:3:5: listeners[0].address: is missing, and has no default",
              "edge.yaml:3:10: listeners[0].tls.certificates: is missing, and has no default",
              "edge.yaml:4:21: listeners[0].proxy_protocol.from: is missing, and has no default"});
  CHECK(problems_of(kLeast + "health: {}") == Texts{"edge.yaml:3:9: health.address: is missing, and has no default"});
}

TEST_CASE("load: everything wrong is said at once, in the order of the file", "[config]") {
  CHECK(problems_of("timeouts: {connect: 20s, client_head: 1}\n"
                    "listeners: [{address: 0.0.0.0:8443}]\n"
                    "domains: [\"*.sandbox.test\", 9]\n"
                    "colour: red\n") ==
        Texts{"edge.yaml:1:21: timeouts.connect: must not be longer than timeouts.connect_total, 10s, which bounds all "
              "tries together",
              "edge.yaml:1:39: timeouts.client_head: must be a duration such as 10s or 250ms (a number needs a unit: "
              "ms, s, m or h), not \"1\"",
              "edge.yaml:3:11: domains[0]: must be written without \"*.\": every name below it is meant anyway",
              "edge.yaml:3:29: domains[1]: must be a DNS name such as sandbox.example.com (letters, digits, hyphens "
              "and dots, no port), not \"9\"",
              "edge.yaml:4:1: colour: is not a key here; the keys here are domains, workers, listeners, edge, admin, "
              "health, registry, access, upstream, trusted_proxies, timeouts, limits, access_log, core_dumps"});
}

TEST_CASE("load: a rule about a defaulted value stands at the map around it", "[config]") {
  CHECK(problems_of(kLeast + "timeouts:\n  connect_total: 1s") ==
        Texts{"edge.yaml:4:3: timeouts.connect: must not be longer than timeouts.connect_total, 1s, which bounds all "
              "tries together"});
}

TEST_CASE("load: a file without a configuration is refused", "[config]") {
  const auto [yaml, problem] = GENERATE(table<std::string, std::string>({
      {"", "edge.yaml: is empty; write at least `domains` and `listeners`"},
      {"# only a comment\n", "edge.yaml: is empty; write at least `domains` and `listeners`"},
      {"---\n", "edge.yaml: is empty; write at least `domains` and `listeners`"},
      {"null", "edge.yaml: is empty; write at least `domains` and `listeners`"},
      {"[a, b]", "edge.yaml:1:1: must be a map of keys, not a list"},
      {"hello", "edge.yaml:1:1: must be a map of keys, not \"hello\""},
  }));
  CAPTURE(yaml);
  CHECK(problems_of(yaml) == Texts{problem});
}

const std::string kHint = " (a text that begins with [ or {, or holds \": \", belongs in quotes)";

TEST_CASE("load: YAML that does not parse is said with its place", "[config]") {
  const auto [yaml, problem] = GENERATE(table<std::string, std::string>({
      {"a: [1, 2", "edge.yaml:1:1: is not valid YAML: end of sequence flow not found"},
      {"a: b: c", "edge.yaml:1:5: is not valid YAML: illegal map value"},
      {"a:\n\t- b", "edge.yaml:2:2: is not valid YAML: illegal block entry"},
  }));
  CAPTURE(yaml);
  CHECK(problems_of(yaml) == Texts{problem + kHint});
}

TEST_CASE("load: YAML the edge has no use for is refused", "[config]") {
  const auto [yaml, problem] = GENERATE(table<std::string, std::string>({
      {"a: &x 1\nb: *x", "edge.yaml:2:4: uses an alias; aliases and merge keys are not supported, write the value out"},
      {"a: &x {}\nb: {<<: *x}",
       "edge.yaml:2:9: uses an alias; aliases and merge keys are not supported, write the value out"},
      {"a: !thing b", "edge.yaml:1:4: uses the tag \"!thing\"; tags are not supported, remove it"},
      {"a: !thing {}", "edge.yaml:1:4: uses the tag \"!thing\"; tags are not supported, remove it"},
      {"[a]: b", "edge.yaml:1:1: has a key that is a map or a list; keys are text"},
      {"~: b", "edge.yaml:1:1: has a key that is null; put it in quotes if the word is meant"},
      {"a: b\n---\nc: d", "edge.yaml:2:1: holds a second document; remove everything from this \"---\" on"},
      {"a: b\nc: \x01",
       "edge.yaml:2:4: holds a byte that is not printable UTF-8; save the file as UTF-8 without control "
       "characters"},
  }));
  CAPTURE(yaml);
  CHECK(problems_of(yaml) == Texts{problem});
}

TEST_CASE("load: a tag that says text is accepted", "[config]") {
  CHECK(config_of(kLeast + "edge: {id: !!str 12}").edge.id == "12");
}

TEST_CASE("load: an IPv6 endpoint without quotes is refused, not misread", "[config]") {
  CHECK(
      problems_of("domains: [a.b]\nlisteners:\n  - address: [::]:8443\n") ==
      Texts{"edge.yaml:3:18: is not valid YAML: end of map not found (a text that begins with [ or {, or holds \": \", "
            "belongs in quotes)"});
}

TEST_CASE("load: a password in a URL is never in a problem", "[config]") {
  const auto problems = problems_of(kLeast + "registry: {redis: {url: \"http://user:hunter2@host\"}}");
  CHECK(problems == Texts{"edge.yaml:3:25: registry.redis.url: must be a URL that begins with redis://, rediss:// "
                          "for TLS, or unix:/"});
}

TEST_CASE("load: a configuration larger than 1 MiB is refused", "[config]") {
  const std::string padding(1024 * 1024 - kLeast.size() - 1, 'x');
  CHECK(problems_of(kLeast + "#" + padding).empty());
  CHECK(problems_of(kLeast + "#x" + padding) ==
        Texts{"edge.yaml: is larger than 1MiB, the most a configuration may be"});
}

TEST_CASE("load: nesting without end is refused, not followed", "[config]") {
  CHECK(problems_of(std::string(100'000, '[')).size() == 1);
  CHECK(problems_of(std::string(100'000, '{')).size() == 1);
  std::string blocks;
  for (int i = 0; i < 1000; ++i) blocks.append("- ");
  CHECK(problems_of(blocks).size() == 1);
}

TEST_CASE("load: a long or strange value is shown short and clean", "[config]") {
  const auto problems = problems_of(kLeast + "workers: " + std::string(63, 'x') + "\u00e9tail");
  CHECK(problems ==
        Texts{"edge.yaml:3:10: workers: must be auto or a whole number, not \"" + std::string(63, 'x') + "...\""});
}

TEST_CASE("load file: one that cannot be read is a problem", "[config]") {
  const auto [path, reason] = GENERATE(table<std::string, std::string>({
      {"/nonexistent/edge.yaml", "No such file or directory"},
      {"/", "Is a directory"},
  }));
  const Loaded loaded = load_file(path);
  const auto* problems = std::get_if<std::vector<Problem>>(&loaded);
  REQUIRE(problems != nullptr);
  CHECK(texts_of(*problems) == Texts{path + ": cannot be read: " + reason});
}

}  // namespace
}  // namespace sandgate::config

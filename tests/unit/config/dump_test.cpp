#include <config/load.hpp>
#include <tests/unit/config/load_helpers.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>

namespace sandgate::config {
namespace {

boost::json::value dumped(const std::string& yaml) { return boost::json::parse(dump_json(config_of(yaml))); }

TEST_CASE("dump: shows what is in force, defaults included, in the words of the YAML", "[config]") {
  const auto config = dumped(kLeast);
  CHECK(config.at("domains").at(0) == "sandbox.test");
  CHECK(config.at("workers") == "auto");
  CHECK(config.at("listeners").at(0).at("address") == "0.0.0.0:8443");
  CHECK(config.at("listeners").at(0).at("tls").is_null());
  CHECK(config.at("listeners").at(0).at("redirect_to_https") == false);
  CHECK(config.at("health").is_null());
  CHECK(config.at("registry").at("source") == "store");
  CHECK(config.at("access").at("exempt_ports").at(0) == 49983);
  CHECK(config.at("upstream").at("allow").at(3) == "fc00::/7");
  CHECK(config.at("timeouts").at("client_idle") == "75s");
  CHECK(config.at("timeouts").at("tunnel_idle") == "0");
  CHECK(config.at("limits").at("head_bytes") == "64KiB");
  CHECK(config.at("limits").at("connections") == "auto");
  CHECK(config.at("limits").at("memory") == "auto");
  CHECK(config.at("limits").at("connections_per_sandbox") == 0);
}

TEST_CASE("dump: shows what was set", "[config]") {
  const auto config = dumped(
      "domains: [a.b]\nworkers: 2\nhealth: {address: 0.0.0.0:1}\nlisteners: [{address: '[::]:2', "
      "tls: {certificates: [{chain: c, key: k}], minimum_version: 1.3}, proxy_protocol: {from: [10.0.0.0/8]}}]\n");
  CHECK(config.at("workers") == 2);
  CHECK(config.at("health").at("address") == "0.0.0.0:1");
  const auto& listener = config.at("listeners").at(0);
  CHECK(listener.at("address") == "[::]:2");
  CHECK(listener.at("tls").at("minimum_version") == "1.3");
  CHECK(listener.at("tls").at("certificates").at(0).at("key") == "k");
  CHECK(listener.at("proxy_protocol").at("from").at(0) == "10.0.0.0/8");
}

TEST_CASE("dump: what it shows, loads again", "[config]") {
  // JSON is YAML; only null stands for what YAML leaves out.
  std::string text = dump_json(config_of(kLeast));
  for (const char* absent : {",\"tls\":null", ",\"proxy_protocol\":null", ",\"health\":null"}) {
    REQUIRE(text.find(absent) != std::string::npos);
    text.erase(text.find(absent), std::string_view(absent).size());
  }
  CHECK(dump_json(config_of(text)) == dump_json(config_of(kLeast)));
}

TEST_CASE("dump: a password in a URL is hidden", "[config]") {
  const auto [url, shown] = GENERATE(table<std::string, std::string>({
      {"redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"},
      {"redis://user:hunter2@host:1/0", "redis://***@host:1/0"},
      {"rediss://:hunter2@host", "rediss://***@host"},
      {"redis://:hunt/er@2@host", "redis://***@host"},
      {"redis://u:hunter2://x@host", "redis://***@host"},
  }));
  CAPTURE(url);
  CHECK(dumped(kLeast + "registry: {redis: {url: \"" + url + "\"}}").at("registry").at("redis").at("url") ==
        boost::json::string(shown));
}

}  // namespace
}  // namespace sandgate::config

// The example configuration is the documentation most people read: it must load, name every key, and tell the truth
// about the defaults.
#include <config/load.hpp>
#include <tests/unit/config/load_helpers.hpp>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

namespace sandgate::config {
namespace {

namespace json = boost::json;

std::string example() {
  std::ifstream file(SANDGATE_EXAMPLE_CONFIG);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("example: loads without problems", "[config]") { CHECK(problems_of(example()) == Texts{}); }

TEST_CASE("example: tells the defaults as they are", "[config]") {
  json::object shown = json::parse(dump_json(config_of(example()))).as_object();
  json::object defaults = json::parse(dump_json(default_config())).as_object();
  // These have no default, or a default that shows nothing.
  for (const char* own : {"domains", "listeners", "health"}) {
    shown.erase(own);
    defaults.erase(own);
  }
  CHECK(shown == defaults);
}

void check_keys_named(const json::value& value, const std::string& text) {
  if (const auto* object = value.if_object()) {
    for (const auto& [key, member] : *object) {
      CAPTURE(std::string(key));
      CHECK(text.find(std::string(key) + ":") != std::string::npos);
      check_keys_named(member, text);
    }
  }
  if (const auto* array = value.if_array()) {
    for (const auto& item : *array) check_keys_named(item, text);
  }
}

TEST_CASE("example: names every key there is", "[config]") {
  Config everything = config_of(example());
  everything.listeners[0].proxy_protocol = ProxyProtocol{};
  check_keys_named(json::parse(dump_json(everything)), example());
}

}  // namespace
}  // namespace sandgate::config

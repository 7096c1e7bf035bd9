#include <config/json_path.hpp>

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <variant>

namespace sandgate::config {
namespace {

const boost::json::value& object() {
  static const boost::json::value kObject = boost::json::parse(R"({
    "metadata": {"name": "demo", "generation": 7, "deleted": null,
                 "labels": {"example.com/id": "abc", "odd]key": "x"},
                 "annotations": {"ips": "[\"10.0.0.9\", {\"ip\": \"10.0.0.8\"}]", "broken": "[", "text": "plain"}},
    "spec": {"paused": false},
    "status": {"podIPs": [{"ip": "10.0.0.7"}, {"ip": "fd00::7"}],
               "conditions": [{"type": "Scheduled", "status": "True"}, {"type": "Ready", "status": "False"}]}
  })");
  return kObject;
}

TEST_CASE("json path: leads to text, or to nothing", "[config]") {
  const auto [path, found] = GENERATE(table<std::string, std::optional<std::string>>({
      {"metadata.name", "demo"},
      {"metadata.generation", "7"},
      {"spec.paused", "false"},
      {"metadata.labels[\"example.com/id\"]", "abc"},
      {"metadata.labels['odd]key']", "x"},
      {"status.podIPs[0].ip", "10.0.0.7"},
      {"status.podIPs[1].ip", "fd00::7"},
      {"status.conditions[type=Ready].status", "False"},
      {"status.conditions[type=\"Ready\"].status", "False"},
      {"metadata.annotations.ips | [0]", "10.0.0.9"},
      {"metadata.annotations[\"ips\"]|[1].ip", "10.0.0.8"},
      {"status.podIPs[2].ip", std::nullopt},
      {"status.podIPs[99999999999999].ip", std::nullopt},
      {"status.podIPs", std::nullopt},
      {"metadata", std::nullopt},
      {"metadata.deleted", std::nullopt},
      {"metadata.name.first", std::nullopt},
      {"metadata.name[0]", std::nullopt},
      {"status.conditions[type=Gone].status", std::nullopt},
      {"metadata.annotations.broken | [0]", std::nullopt},
      {"metadata.annotations.text | a", std::nullopt},
      {"metadata.generation | a", std::nullopt},
  }));
  CAPTURE(path);
  const auto parsed = JsonPath::parse(path);
  REQUIRE(std::holds_alternative<JsonPath>(parsed));
  CHECK(std::get<JsonPath>(parsed).find(object()) == found);
}

TEST_CASE("json path: what is no path is refused", "[config]") {
  const auto text = GENERATE(as<std::string>(), "", ".a", "a.", "a..b", "a b", "a[", "a[]", "a[-1]", "a[x]", "a[=b]",
                             "a[b=]", "a[\"\"]", "a[\"b]", "a.[0]", "a|", "| a|", "|", "a]", "a{b}", "$.a");
  CAPTURE(text);
  CHECK(std::holds_alternative<std::string>(JsonPath::parse(text)));
}

TEST_CASE("json path: is of bounded length", "[config]") {
  std::string text = "a";
  for (std::size_t i = 1; i < JsonPath::kMaxSteps; ++i) text += ".a";
  CHECK(std::holds_alternative<JsonPath>(JsonPath::parse(text)));
  CHECK(std::holds_alternative<std::string>(JsonPath::parse(text + ".a")));
}

}  // namespace
}  // namespace sandgate::config

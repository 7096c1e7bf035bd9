#include <config/json_text.hpp>
#include <config/load.hpp>
#include <tests/unit/config/load_helpers.hpp>

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

namespace sandgate::config {
namespace {

std::vector<RecordText> records_of(std::string_view yaml) {
  LoadedRecords loaded = load_records(yaml, "s.yaml");
  if (const auto* problems = std::get_if<std::vector<Problem>>(&loaded)) {
    CAPTURE(yaml, texts_of(*problems));
    FAIL("the records do not load");
  }
  return std::get<std::vector<RecordText>>(std::move(loaded));
}

Texts record_problems_of(std::string_view yaml) {
  const LoadedRecords loaded = load_records(yaml, "s.yaml");
  const auto* problems = std::get_if<std::vector<Problem>>(&loaded);
  return problems == nullptr ? Texts{} : texts_of(*problems);
}

/// The JSON of `{f: <scalar>}` without its wrapping.
std::string json_of(const std::string& scalar) {
  const auto records = records_of("sandboxes:\n  a:\n    f: " + scalar + "\n");
  REQUIRE(records.size() == 1);
  const std::string& json = records[0].json;
  REQUIRE(json.starts_with("{\"f\":"));
  return json.substr(5, json.size() - 6);
}

TEST_CASE("records: each is handed on as JSON, with its id and line", "[config]") {
  const auto records = records_of(R"(# sandboxes of this node
sandboxes:
  one:
    address: 10.0.0.1
    allow_public_traffic: false
    max_connections: -1
    ports:
      8080: {protocol: h2c, public: true}
      "9000": {}
    tags: [a, 'b', [1, 2], {}]
  Two: {address: "fd00::1", expires_at: 2026-11-23T12:00:00Z, empty: , none: ~}
)");
  REQUIRE(records.size() == 2);
  CHECK(records[0].id == "one");
  CHECK(records[0].line == 3);
  CHECK(records[0].error.empty());
  CHECK(records[0].json == R"({"address":"10.0.0.1","allow_public_traffic":false,"max_connections":-1,)"
                           R"("ports":{"8080":{"protocol":"h2c","public":true},"9000":{}},"tags":["a","b",[1,2],{}]})");
  CHECK(records[1].id == "Two");
  CHECK(records[1].line == 11);
  CHECK(records[1].json == R"({"address":"fd00::1","expires_at":"2026-11-23T12:00:00Z","empty":null,"none":null})");
}

TEST_CASE("records: a plain scalar becomes what YAML's core schema says, when nothing of it is lost", "[config]") {
  const auto [yaml, json] = GENERATE(table<std::string, std::string>({
      {"true", "true"},
      {"True", "true"},
      {"FALSE", "false"},
      {"null", "null"},
      {"~", "null"},
      {"", "null"},
      {"0", "0"},
      {"-1", "-1"},
      {"8080", "8080"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"1.5", "1.5"},
      {"-0.25", "-0.25"},
      // What a number would lose something of stays a text.
      {"9223372036854775808", "\"9223372036854775808\""},
      {"007", "\"007\""},
      {"-0", "\"-0\""},
      {"+1", "\"+1\""},
      {"1.50", "\"1.50\""},
      {"1.0", "\"1.0\""},
      {"1.", "\"1.\""},
      {".5", "\".5\""},
      {"0.1234567890123456789", "\"0.1234567890123456789\""},
      {"1e5", "\"1e5\""},
      {"12e4567", "\"12e4567\""},
      {"0x1F", "\"0x1F\""},
      {"0o17", "\"0o17\""},
      {".inf", "\".inf\""},
      {"inf", "\"inf\""},
      {"nan", "\"nan\""},
      {"2026-11-23", "\"2026-11-23\""},
      {"12:30:45", "\"12:30:45\""},
      {"1_000", "\"1_000\""},
      // YAML 1.1's other truth values are texts since 1.2.
      {"yes", "\"yes\""},
      {"off", "\"off\""},
      {"tRUE", "\"tRUE\""},
  }));
  CAPTURE(yaml);
  CHECK(json_of(yaml) == json);
}

TEST_CASE("records: a quoted scalar stays a text", "[config]") {
  const auto [yaml, json] = GENERATE(table<std::string, std::string>({
      {"'true'", "\"true\""},
      {"\"1\"", "\"1\""},
      {"''", "\"\""},
      {"'null'", "\"null\""},
      {"!!str 1", "\"1\""},
      {"|\n      1\n", "\"1\\u000a\""},
  }));
  CAPTURE(yaml);
  CHECK(json_of(yaml) == json);
}

TEST_CASE("records: text is escaped so that JSON gives back every byte of it", "[config]") {
  const auto [yaml, text] = GENERATE(table<std::string, std::string>({
      {"'a\"b\\c'", "a\"b\\c"},
      {R"("\t\n\r\b\f\e\u0001\u007f")", "\t\n\r\b\f\x1b\x01\x7f"},
      {R"("\0")", std::string(1, '\0')},
      {R"("\u2028\U0001F600")", "\u2028\U0001F600"},
      {"gr\u00fc\u00dfe", "gr\u00fc\u00dfe"},
      {"</script>", "</script>"},
  }));
  CAPTURE(yaml);
  const auto parsed = boost::json::parse(json_of(yaml));
  REQUIRE(parsed.is_string());
  CHECK(std::string(parsed.as_string()) == text);
}

TEST_CASE("records: a record of another kind is handed on, for routing to refuse", "[config]") {
  const auto records = records_of("sandboxes: {a: 10.0.0.1, b: , c: [1], d: 'x'}");
  REQUIRE(records.size() == 4);
  CHECK(records[0].json == "\"10.0.0.1\"");
  CHECK(records[1].json == "null");
  CHECK(records[2].json == "[1]");
  CHECK(records[3].json == "\"x\"");
}

TEST_CASE("records: a key given twice takes only its own record out", "[config]") {
  const auto records = records_of(
      "sandboxes:\n"
      "  a: {address: 10.0.0.1}\n"
      "  b:\n"
      "    allow_public_traffic: false\n"
      "    allow_public_traffic: true\n"
      "  c: {ports: {1: {}, 2: {public: true, public: false}}}\n"
      "  d: {address: 10.0.0.1}\n");
  REQUIRE(records.size() == 4);
  CHECK(records[0].error.empty());
  CHECK(records[1].error == "the key \"allow_public_traffic\" is given a second time on line 5");
  CHECK(records[1].json.empty());
  CHECK(records[2].error == "the key \"public\" is given a second time on line 6");
  CHECK(records[2].json.empty());
  CHECK(records[3].error.empty());
  CHECK(records[3].json == R"({"address":"10.0.0.1"})");
}

TEST_CASE("records: the same key in different maps is not twice", "[config]") {
  const auto records = records_of("sandboxes: {a: {k: {k: [{k: 1}, {k: 1}]}}, b: {k: 1}}");
  REQUIRE(records.size() == 2);
  CHECK(records[0].json == R"({"k":{"k":[{"k":1},{"k":1}]}})");
  CHECK(records[0].error.empty());
}

TEST_CASE("records: a file of none", "[config]") { CHECK(records_of("sandboxes: {}").empty()); }

TEST_CASE("records: JSON is YAML", "[config]") {
  const auto records = records_of(R"({"sandboxes": {"a": {"address": "10.0.0.1", "max_connections": 5}}})");
  REQUIRE(records.size() == 1);
  CHECK(records[0].json == R"({"address":"10.0.0.1","max_connections":5})");
}

TEST_CASE("records: what leaves the file in doubt is refused as a whole", "[config]") {
  const auto [yaml, problem] = GENERATE(table<std::string, std::string>({
      {"", "s.yaml: must be a map with the one key `sandboxes`"},
      {"# nothing", "s.yaml: must be a map with the one key `sandboxes`"},
      {"{}", "s.yaml: must be a map with the one key `sandboxes`"},
      {"~", "s.yaml:1:1: must be a map with the one key `sandboxes`"},
      {"hello", "s.yaml:1:1: must be a map with the one key `sandboxes`"},
      {"[a]", "s.yaml:1:1: must be a map with the one key `sandboxes`"},
      {"sandboxs: {}", "s.yaml:1:1: must be a map with the one key `sandboxes`, not \"sandboxs\""},
      {"sandboxes: {}\nother: 1", "s.yaml:2:1: must be a map with the one key `sandboxes`, not \"other\""},
      {"sandboxes: {}\nsandboxes: {}", "s.yaml:2:1: sandboxes: is given twice; put all records under one"},
      {"sandboxes:", "s.yaml:1:1: sandboxes: must be a map of sandbox ids to records, {} for none"},
      {"sandboxes: []", "s.yaml:1:12: sandboxes: must be a map of sandbox ids to records, {} for none"},
      {"sandboxes: x", "s.yaml:1:12: sandboxes: must be a map of sandbox ids to records, {} for none"},
      {"sandboxes: {a: &x {}, b: *x}",
       "s.yaml:1:26: uses an alias; aliases and merge keys are not supported, write the value out"},
      {"sandboxes: {~: {}}", "s.yaml:1:13: has a key that is null; put it in quotes if the word is meant"},
  }));
  CAPTURE(yaml);
  CHECK(record_problems_of(yaml) == Texts{problem});
}

TEST_CASE("records: an id given twice is refused, each time it is", "[config]") {
  CHECK(record_problems_of("sandboxes:\n  a: {}\n  b: {}\n  a: {}\n  b: {}\n") ==
        Texts{"s.yaml:4: sandboxes.a: is given twice; remove this one or the one on line 2",
              "s.yaml:5: sandboxes.b: is given twice; remove this one or the one on line 3"});
}

TEST_CASE("records: half a file is refused when the cut shows", "[config]") {
  const std::string whole = "sandboxes: {a: {address: 10.0.0.1}, b: {address: 10.0.0.2}}";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK(record_problems_of(whole.substr(0, length)).size() == 1);
  }
}

}  // namespace
}  // namespace sandgate::config

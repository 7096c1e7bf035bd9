#include <proxy/registry/kubernetes/json_text.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace sandgate::proxy::registry::kubernetes {
namespace {

TEST_CASE("json text: what is not deep stays, whatever is within", "[registry]") {
  const std::string text = R"({"a": {"b":"[{\"\\","c":[1,{"d":[]},"}"],"e":{}}, "f":"]"})";
  CHECK(shallow(text, 0).empty());
  CHECK(shallow(text, 1) == "{}");
  CHECK(shallow(text, 2) == R"({"a": {}, "f":"]"})");
  CHECK(shallow(text, 3) == R"({"a": {"b":"[{\"\\","c":[],"e":{}}, "f":"]"})");
  CHECK(shallow(text, 4) == R"({"a": {"b":"[{\"\\","c":[1,{},"}"],"e":{}}, "f":"]"})");
  CHECK(shallow(text, 5) == text);
}

TEST_CASE("json text: brackets that close nothing are no reason to read on", "[registry]") {
  CHECK(shallow("}]{}", 2) == "}]{}");
  CHECK(shallow("", 1).empty());
}

}  // namespace
}  // namespace sandgate::proxy::registry::kubernetes

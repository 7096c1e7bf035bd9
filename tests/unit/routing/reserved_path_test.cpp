#include <routing/reserved_path.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sandgate::routing {
namespace {

const std::vector<std::string> kReserved = {"/init",     "/upgrade",  "/freeze", "/unfreeze",
                                            "/collapse", "/fsfreeze", "/fsthaw"};

TEST_CASE("reserved_path: every listed path is found as it stands", "[routing]") {
  for (const std::string& path : kReserved) CHECK(find_reserved(path, kReserved) == path);
}

TEST_CASE("reserved_path: no spelling hides a reserved path", "[routing]") {
  const std::string_view target =
      GENERATE("/init", "/init?", "/init?a=/b", "/init/", "/init//", "//init", "///init", "/./init", "/init/.",
               "/init/./", "/x/../init", "/../init", "/../../init", "/x/y/../../init", "/x//../init", "/init/x/..",
               "/init/x/../", "init", "./init", "../init", "/%69nit", "/%69%6e%69%74", "/%49nit/../init", "%2Finit",
               "%2finit", "/x%2f..%2finit", "/%2e%2e/init", "/.%2E/init", "/init%2f", "/init/%2e", "/%69nit?x=%3F",
               "/%zz/../init", "/%/../init", "/%4/../init");
  INFO(target);
  CHECK(find_reserved(target, kReserved) == "/init");
}

TEST_CASE("reserved_path: other paths pass", "[routing]") {
  const std::string_view target =
      GENERATE("/", "", "?", "*", "/initialize", "/init/nested", "/INIT", "/Init", "/%2569nit", "/init%3F", "/init%3fa",
               "/init ", "/init%20", "/init%00", "/x/init", "/init/..", "/init/../x", "/ini", "/?/init", "/x?/../init",
               "/...init", "/init...", "/.../init", "/%init", "/init%", "/init%2", "/init%zz", "/init;a", "\\init",
               "/%5cinit", "/init%252f");
  INFO(target);
  CHECK_FALSE(find_reserved(target, kReserved));
}

TEST_CASE("reserved_path: the list is the configuration's", "[routing]") {
  CHECK(find_reserved("/metrics", {"/metrics"}) == "/metrics");
  CHECK_FALSE(find_reserved("/init", {"/metrics"}));
  CHECK_FALSE(find_reserved("/init", {}));
}

TEST_CASE("reserved_path: a path is cleaned once and stays clean", "[routing]") {
  const auto [target, clean] = GENERATE(table<std::string_view, std::string_view>({
      {"", "/"},
      {"/", "/"},
      {"//", "/"},
      {"/..", "/"},
      {"/.", "/"},
      {"*", "/*"},
      {"/a//b/", "/a/b"},
      {"/a/./b/../c?d", "/a/c"},
      {"/a/../../b", "/b"},
      {"/%41%2e%2f", "/A."},
      {"/%25%34%31", "/%41"},
      {"/a%", "/a%"},
      {"/a%4", "/a%4"},
      {"/a%4g", "/a%4g"},
      {"/%%341", "/%41"},
  }));
  INFO(target);
  CHECK(clean_path(target) == clean);
}

}  // namespace
}  // namespace sandgate::routing

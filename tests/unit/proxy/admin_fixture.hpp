// admin_fixture: an admin interface over a registry source of the test's own.
#pragma once

#include <proxy/admin.hpp>
#include <proxy/registry/file.hpp>
#include <proxy/registry/store.hpp>
#include <tests/unit/proxy/registry/temporary_directory.hpp>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy {

inline constexpr const char* kRecord =
    R"({"address":"10.0.0.1","execution_id":"e1","traffic_access_token":"hunter2","team":"x"})";
/// SHA-256 of its token.
inline constexpr const char* kDigest = "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7";

inline boost::json::object object(const AdminResponse& response) {
  return boost::json::parse(response.body).as_object();
}
inline std::string error(const AdminResponse& response) {
  return boost::json::value_to<std::string>(object(response).at("error"));
}
inline std::string field(const AdminResponse& response) {
  return boost::json::value_to<std::string>(object(response).at("field"));
}

/// An admin interface with a source of the given kind.
template <class AnySource>
struct Fixture {
  registry::TemporaryDirectory directory;
  std::string path = directory.file("sandboxes");
  registry::Registry registry;
  AnySource source{path, registry};
  config::Config config = config::default_config();
  std::vector<std::string> not_ready;
  int drains = 0;
  Admin admin{registry, source,
              AdminHooks{[] { return std::string("metric 1\n"); }, [this] { return not_ready; },
                         [this]() -> const config::Config& { return config; }, [this] { ++drains; }}};

  Fixture() { config.domains = {"sandbox.test"}; }
  AdminResponse ask(std::string_view method, std::string_view target, std::string_view body = "") {
    AdminRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    return admin.handle(request, "");
  }
};

struct StoreFixture : Fixture<registry::StoreSource> {
  StoreFixture() { REQUIRE_FALSE(source.load()); }
};

struct FileFixture : Fixture<registry::FileSource> {
  explicit FileFixture(std::string_view yaml) {
    directory.write("sandboxes", yaml);
    REQUIRE_FALSE(source.load());
  }
};

}  // namespace sandgate::proxy

#include <routing/route_record.hpp>
#include <routing/timestamp.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace sandgate::routing {
namespace {

// SHA-256 of "abc" (FIPS 180-2, appendix B.1) and of nothing.
const std::string kAbcDigest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kOtherDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const SandboxId& sandbox() {
  static const SandboxId id = *SandboxId::parse("abc123");
  return id;
}

RoutePtr route_of(std::string_view json) {
  INFO(json);
  const auto parsed = parse_record(sandbox(), json);
  if (!parsed) FAIL(parsed.error().field << ": " << parsed.error().text);
  return *parsed;
}

/// The route of a record with an address and `fields`.
RoutePtr route_with(const std::string& fields) { return route_of(R"({"address": "10.0.0.5", )" + fields + "}"); }

RecordError error_of(std::string_view json) {
  INFO(json);
  const auto parsed = parse_record(sandbox(), json);
  REQUIRE(parsed.has_error());
  CHECK_FALSE(parsed.error().text.empty());
  return parsed.error();
}

TEST_CASE("route_record: an address alone makes a public running route without limits", "[routing]") {
  const RoutePtr route = route_of(R"({"address": "10.0.0.5"})");
  CHECK(route->id == sandbox());
  CHECK(route->address == *config::IpAddress::parse("10.0.0.5"));
  CHECK_FALSE(route->via_node);
  CHECK(route->state == SandboxState::running);
  CHECK_FALSE(route->has_max_connections);
  CHECK(route->max_connections == Route::kUnlimited);
  CHECK(route->generation == "10.0.0.5");
  CHECK(route->access.allow_public_traffic);
  CHECK(route->access.tokens.empty());
  CHECK(route->access.ports.empty());
  CHECK_FALSE(route->mask);
  CHECK_FALSE(route->expires_at);
  CHECK(route->protocol(8080) == UpstreamProtocol::http1);
}

TEST_CASE("route_record: addresses are of either family and normalised", "[routing]") {
  const auto [text, address] = GENERATE(table<std::string, std::string>({
      {"10.0.0.5", "10.0.0.5"},
      {"fd00::5", "fd00::5"},
      {"FD00:0:0::5", "fd00::5"},
      {"::ffff:10.0.0.5", "10.0.0.5"},
  }));
  INFO(text);
  const RoutePtr route = route_of(R"({"address": ")" + text + "\"}");
  CHECK(route->address.to_string() == address);
  CHECK(route->generation == address);
}

TEST_CASE("route_record: E2B's catalog entry is forwarded through its node", "[routing]") {
  const RoutePtr route = route_of(R"({"orchestrator_id": "node-1", "orchestrator_ip": "10.1.2.3",
      "execution_id": "5f3c", "sandbox_started_at": "2026-11-23T18:04:05Z", "sandbox_max_length_in_hours": 24})");
  CHECK(route->via_node);
  CHECK(route->address.to_string() == "10.1.2.3");
  CHECK(route->generation == "5f3c");
}

TEST_CASE("route_record: with an address the node is not used", "[routing]") {
  const RoutePtr route = route_of(R"({"address": "10.0.0.5", "orchestrator_ip": "10.1.2.3"})");
  CHECK_FALSE(route->via_node);
  CHECK(route->address.to_string() == "10.0.0.5");
}

TEST_CASE("route_record: the generation is the execution id, or the address without one", "[routing]") {
  CHECK(route_with(R"("execution_id": "e-1")")->generation == "e-1");
  CHECK(route_with(R"("execution_id": "")")->generation == "10.0.0.5");
  CHECK(route_with(R"("execution_id": null)")->generation == "10.0.0.5");
  CHECK(route_of(R"({"orchestrator_ip": "10.1.2.3"})")->generation == "10.1.2.3");
}

TEST_CASE("route_record: a private sandbox has its token's digest", "[routing]") {
  const RoutePtr route = route_with(R"("allow_public_traffic": false, "traffic_access_token": "abc")");
  CHECK_FALSE(route->access.allow_public_traffic);
  REQUIRE(route->access.tokens.size() == 1);
  CHECK(auth::to_hex(route->access.tokens[0]) == kAbcDigest);
}

TEST_CASE("route_record: digests of tokens come alone or in pairs", "[routing]") {
  const RoutePtr one = route_with(R"("traffic_access_token_sha256": ")" + kAbcDigest + '"');
  REQUIRE(one->access.tokens.size() == 1);
  CHECK(auth::to_hex(one->access.tokens[0]) == kAbcDigest);

  const RoutePtr two = route_with(R"("traffic_access_token_sha256": ")" + kAbcDigest + "," + kOtherDigest + '"');
  REQUIRE(two->access.tokens.size() == 2);
  CHECK(auth::to_hex(two->access.tokens[0]) == kAbcDigest);
  CHECK(auth::to_hex(two->access.tokens[1]) == kOtherDigest);
}

TEST_CASE("route_record: both forms of a token agree or are an error", "[routing]") {
  const std::string token = R"("traffic_access_token": "abc", )";
  CHECK(route_with(token + R"("traffic_access_token_sha256": ")" + kAbcDigest + '"')->access.tokens.size() == 1);
  CHECK(route_with(token + R"("traffic_access_token_sha256": ")" + kOtherDigest + "," + kAbcDigest + '"')
            ->access.tokens.size() == 2);
  const RecordError error =
      error_of(R"({"address": "10.0.0.5", )" + token + R"("traffic_access_token_sha256": ")" + kOtherDigest + "\"}");
  CHECK(error.field == "traffic_access_token_sha256");
}

TEST_CASE("route_record: a private record without a token is valid and closed to all", "[routing]") {
  const std::string token = GENERATE("", R"(, "traffic_access_token": "")", R"(, "traffic_access_token": null)",
                                     R"(, "traffic_access_token_sha256": "")");
  const RoutePtr route = route_with(R"("allow_public_traffic": false)" + token);
  CHECK(route->access.tokens.empty());
  CHECK(auth::is_closed_to_all(route->access));
}

TEST_CASE("route_record: a mask is compiled with the record", "[routing]") {
  const RoutePtr route = route_with(R"("mask_request_host": "localhost:${PORT}")");
  REQUIRE(route->mask);
  CHECK(route->mask->text() == "localhost:${PORT}");
}

TEST_CASE("route_record: limits are kept apart from no limit given", "[routing]") {
  const auto [json, has_limit, limit] = GENERATE(table<const char*, bool, std::int32_t>({
      {R"("max_connections": 0)", true, 0},
      {R"("max_connections": -1)", true, Route::kUnlimited},
      {R"("max_connections": 100)", true, 100},
      {R"("max_connections": 2147483647)", true, 2147483647},
      {R"("max_connections": null)", false, Route::kUnlimited},
  }));
  INFO(json);
  const RoutePtr route = route_with(json);
  CHECK(route->has_max_connections == has_limit);
  CHECK(route->max_connections == limit);
}

TEST_CASE("route_record: ports say protocol and access, sorted whatever their order", "[routing]") {
  const RoutePtr route = route_with(R"("ports": {"9090": {"protocol": "h2c", "public": false},
      "50051": {"protocol": "h2c"}, "3000": {"protocol": "http1", "public": true}, "80": {"unknown": [1]}})");
  CHECK(route->protocol(9090) == UpstreamProtocol::h2c);
  CHECK(route->protocol(50051) == UpstreamProtocol::h2c);
  CHECK(route->protocol(3000) == UpstreamProtocol::http1);
  CHECK(route->protocol(80) == UpstreamProtocol::http1);
  REQUIRE(route->access.ports.size() == 2);
  CHECK(route->access.ports[0].port == 3000);
  CHECK(route->access.ports[0].is_public);
  CHECK(route->access.ports[1].port == 9090);
  CHECK_FALSE(route->access.ports[1].is_public);
}

TEST_CASE("route_record: a sandbox is running or paused", "[routing]") {
  CHECK(route_with(R"("state": "running")")->state == SandboxState::running);
  CHECK(route_with(R"("state": "paused")")->state == SandboxState::paused);
}

TEST_CASE("route_record: past its expiry a route is expired", "[routing]") {
  const RoutePtr route = route_with(R"("expires_at": "2026-11-23T19:04:05+01:00")");
  const auto moment = *parse_rfc3339("2026-11-23T18:04:05Z");
  CHECK(route->expires_at == moment);
  CHECK_FALSE(route->is_expired(moment - std::chrono::nanoseconds{1}));
  CHECK(route->is_expired(moment));
  CHECK_FALSE(route_with(R"("expires_at": null)")->is_expired(moment));
}

TEST_CASE("route_record: the record's own id agrees with its key", "[routing]") {
  CHECK(route_with(R"("sandbox_id": "abc123")")->id == sandbox());
  CHECK(route_with(R"("sandbox_id": "ABC123")")->id == sandbox());
  CHECK(error_of(R"({"address": "10.0.0.5", "sandbox_id": "other"})").field == "sandbox_id");
  CHECK(error_of(R"({"address": "10.0.0.5", "sandbox_id": ""})").field == "sandbox_id");
}

TEST_CASE("route_record: unknown fields and nulls are ignored", "[routing]") {
  const RoutePtr route = route_with(
      R"("team": {"id": [1, null]}, "allow_public_traffic": null, "mask_request_host": null, "ports": null,
         "state": null, "orchestrator_ip": null, "sandbox_id": null, "traffic_access_token_sha256": null)");
  CHECK(route->access.allow_public_traffic);
  CHECK_FALSE(route->mask);
  CHECK(route->state == SandboxState::running);
}

TEST_CASE("route_record: a null in a port's settings is absent too", "[routing]") {
  const RoutePtr route = route_with(R"("ports": {"80": {"protocol": null, "public": null}})");
  CHECK(route->access.ports.empty());
  CHECK(route->protocol(80) == UpstreamProtocol::http1);
}

TEST_CASE("route_record: a field of another type or value is an error that names it", "[routing]") {
  const auto [field, json] = GENERATE(table<std::string, std::string>({
      {"sandbox_id", R"("sandbox_id": 1)"},
      {"orchestrator_ip", R"("orchestrator_ip": 1)"},
      {"execution_id", R"("execution_id": 7)"},
      {"allow_public_traffic", R"("allow_public_traffic": "false")"},
      {"allow_public_traffic", R"("allow_public_traffic": 0)"},
      {"traffic_access_token", R"("traffic_access_token": ["abc"])"},
      {"traffic_access_token_sha256", R"("traffic_access_token_sha256": true)"},
      {"traffic_access_token_sha256", R"("traffic_access_token_sha256": "abc")"},
      {"traffic_access_token_sha256", R"("traffic_access_token_sha256": ",")"},
      {"traffic_access_token_sha256", R"("traffic_access_token_sha256": ")" + kAbcDigest + ",\""},
      {"traffic_access_token_sha256", R"("traffic_access_token_sha256": ",)" + kAbcDigest + '"'},
      {"traffic_access_token_sha256",
       R"("traffic_access_token_sha256": ")" + kAbcDigest + "," + kOtherDigest + "," + kAbcDigest + '"'},
      {"mask_request_host", R"("mask_request_host": false)"},
      {"mask_request_host", R"("mask_request_host": "")"},
      {"mask_request_host", R"("mask_request_host": "local host")"},
      {"mask_request_host", R"("mask_request_host": "localhost\r\nX-Evil: 1")"},
      {"max_connections", R"("max_connections": "5")"},
      {"max_connections", R"("max_connections": 5.0)"},
      {"max_connections", R"("max_connections": -2)"},
      {"max_connections", R"("max_connections": 2147483648)"},
      {"max_connections", R"("max_connections": 18446744073709551615)"},
      {"max_connections", R"("max_connections": 1e400)"},
      {"ports", R"("ports": [])"},
      {"ports.0", R"("ports": {"0": {}})"},
      {"ports.65536", R"("ports": {"65536": {}})"},
      {"ports.080", R"("ports": {"080": {}})"},
      {"ports.", R"("ports": {"": {}})"},
      {"ports.http", R"("ports": {"http": {}})"},
      {"ports.8080", R"("ports": {"8080": "h2c"})"},
      {"ports.8080", R"("ports": {"8080": null})"},
      {"ports.8080.protocol", R"("ports": {"80": {}, "8080": {"protocol": "h2"}})"},
      {"ports.8080.protocol", R"("ports": {"8080": {"protocol": 2}})"},
      {"ports.8080.protocol", R"("ports": {"8080": {"protocol": "H2C"}})"},
      {"ports.8080.public", R"("ports": {"8080": {"public": "no"}})"},
      {"state", R"("state": "stopped")"},
      {"state", R"("state": "")"},
      {"state", R"("state": true)"},
      {"expires_at", R"("expires_at": 1795457045)"},
      {"expires_at", R"("expires_at": "2026-11-23")"},
      {"expires_at", R"("expires_at": "")"},
  }));
  CHECK(error_of(R"({"address": "10.0.0.5", )" + json + "}").field == field);
}

TEST_CASE("route_record: without a usable address there is no route", "[routing]") {
  const auto [field, json] = GENERATE(table<const char*, const char*>({
      {"address", R"({})"},
      {"address", R"({"address": null, "orchestrator_ip": null})"},
      {"address", R"({"address": ""})"},
      {"address", R"({"address": "", "orchestrator_ip": "10.1.2.3"})"},
      {"address", R"({"address": "10.0.0.5:8080"})"},
      {"address", R"({"address": "[fd00::5]"})"},
      {"address", R"({"address": "sandbox.internal"})"},
      {"address", R"({"address": "10.0.0.05"})"},
      {"address", R"({"address": "fe80::1%eth0"})"},
      {"address", R"({"address": "10.0.0.5\u0000"})"},
      {"address", R"({"address": 167772165})"},
      {"orchestrator_ip", R"({"orchestrator_ip": "node-1"})"},
      {"orchestrator_ip", R"({"orchestrator_ip": ""})"},
  }));
  CHECK(error_of(json).field == field);
}

TEST_CASE("route_record: what is no JSON object of a sane size is an error of the whole", "[routing]") {
  const auto [what, json] = GENERATE(table<const char*, std::string>({
      {"empty", ""},
      {"not JSON", "hello"},
      {"null", "null"},
      {"an array", "[]"},
      {"a string", "\"10.0.0.5\""},
      {"cut short", R"({"address": "10.0.0.5")"},
      {"something after it", R"({"address": "10.0.0.5"} x)"},
      {"two of them", R"({"address": "10.0.0.5"}{})"},
      {"a comment", R"({"address": "10.0.0.5" /* */})"},
      {"a trailing comma", R"({"address": "10.0.0.5",})"},
      {"not UTF-8", "{\"address\": \"10.0.0.5\", \"x\": \"\xff\"}"},
      {"nested too deep", R"({"address": "10.0.0.5", "x": )" + std::string(40, '[') + std::string(40, ']') + "}"},
      {"too large", R"({"address": "10.0.0.5", "x": ")" + std::string(kMaxRecordBytes, 'x') + "\"}"},
  }));
  INFO(what);
  CHECK(error_of(json).field.empty());
}

TEST_CASE("route_record: a record may be 64 KiB large", "[routing]") {
  std::string json = R"({"address": "10.0.0.5", "x": ")";
  json.append(kMaxRecordBytes - json.size() - 2, 'x').append("\"}");
  REQUIRE(json.size() == kMaxRecordBytes);
  CHECK(route_of(json)->address.to_string() == "10.0.0.5");
}

TEST_CASE("route_record: no error repeats a token", "[routing]") {
  const std::string json = GENERATE(
      R"({"address": "10.0.0.5", "traffic_access_token": "hunter2", "traffic_access_token_sha256": "hunter2"})",
      R"({"address": "10.0.0.5", "traffic_access_token_sha256": "hunter2"})", R"({"traffic_access_token": "hunter2"})",
      R"({"address": "10.0.0.5", "traffic_access_token": "hunter2)", R"({"address": "hunter2"})");
  CHECK(error_of(json).text.find("hunter2") == std::string::npos);
}

TEST_CASE("route_record: shown, a token becomes its digest in its place", "[routing]") {
  const auto [json, shown] = GENERATE(table<std::string, std::string>({
      {R"({"z":1,"traffic_access_token":"abc","address":"10.0.0.5","x":{"b":[null,true],"a":"\n"}})",
       R"({"z":1,"traffic_access_token_sha256":")" + kAbcDigest +
           R"(","address":"10.0.0.5","x":{"b":[null,true],"a":"\n"}})"},
      {R"({"traffic_access_token":"abc","traffic_access_token_sha256":"A,B"})",
       R"({"traffic_access_token_sha256":"A,B"})"},
      {R"({"traffic_access_token_sha256":"A,B","traffic_access_token":"abc"})",
       R"({"traffic_access_token_sha256":"A,B"})"},
      {R"({"traffic_access_token":"abc","traffic_access_token_sha256":""})",
       R"({"traffic_access_token_sha256":")" + kAbcDigest + "\"}"},
      {R"({"traffic_access_token":""})", "{}"},
      {R"({"traffic_access_token":null,"address":"10.0.0.5"})", R"({"address":"10.0.0.5"})"},
      {R"({"address":"10.0.0.5","team":"t","address2":7})", R"({"address":"10.0.0.5","team":"t","address2":7})"},
      {"not a record", "{}"},
      {"[\"abc\"]", "{}"},
  }));
  INFO(json);
  CHECK(redact_record(json) == shown);
}

TEST_CASE("route_record: what is shown parses to the same access", "[routing]") {
  const std::string json =
      R"({"address": "10.0.0.5", "allow_public_traffic": false, "traffic_access_token": "abc", "execution_id": "e"})";
  const RoutePtr before = route_of(json);
  const RoutePtr after = route_of(redact_record(json));
  CHECK(after->access.tokens == before->access.tokens);
  CHECK(after->access.allow_public_traffic == before->access.allow_public_traffic);
  CHECK(after->generation == before->generation);
}

}  // namespace
}  // namespace sandgate::routing

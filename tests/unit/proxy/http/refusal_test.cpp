#include <proxy/http/refusal.hpp>
#include <tests/unit/proxy/http/refusal_fixture.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace sandgate::proxy;
using namespace sandgate::proxy::http;
using namespace sandgate::proxy::http::testing;
using F = Failure;

TEST_CASE("refusal: JSON bodies are the contract's, byte for byte", "[refusal]") {
  const auto [failure, body] = GENERATE(table<Failure, std::string>({
      {F::sandbox_not_found, R"({"sandboxId":"abc","message":"The sandbox was not found","code":502})"},
      {F::port_closed,
       R"({"sandboxId":"abc","message":"The sandbox is running but port is not open","port":8080,"code":502})"},
      {F::sandbox_unreachable,
       R"({"sandboxId":"abc","message":"The sandbox is not reachable","port":8080,"code":502})"},
      {F::sandbox_reset,
       R"({"sandboxId":"abc","message":"The sandbox closed the connection before it answered","port":8080,"code":502})"},
      {F::response_invalid,
       R"({"sandboxId":"abc","message":"The service in the sandbox sent an invalid response","port":8080,"code":502})"},
      {F::response_timeout,
       R"({"sandboxId":"abc","message":"The service in the sandbox did not answer in time","port":8080,"code":504})"},
      {F::record_invalid, R"({"sandboxId":"abc","message":"The sandbox's route is not valid","code":503})"},
      {F::registry_unavailable,
       R"({"sandboxId":"abc","message":"The sandbox could not be looked up. Try again in a moment.","code":503})"},
      {F::token_missing, R"({"sandboxId":"abc","message":"Sandbox is secured with traffic access token. Token header )"
                         R"('e2b-traffic-access-token' is missing","code":403})"},
      {F::token_invalid,
       R"({"sandboxId":"abc","message":"Sandbox is secured with traffic access token. Provided token in header )"
       R"('e2b-traffic-access-token' is invalid","code":403})"},
      {F::too_many_connections,
       R"-({"sandboxId":"abc","message":"The sandbox has too many concurrent incoming connections (limit: 12)",)-"
       R"-("code":429,"connectionLimit":12})-"},
      {F::client_limit,
       R"-({"message":"Too many connections from your address (limit: 12)","code":429,"connectionLimit":12})-"},
      {F::overloaded, R"({"message":"The edge is at its limit. Try again in a moment.","code":503})"},
      {F::draining, R"({"message":"The edge is restarting. Try again.","code":503})"},
      {F::loop_detected, R"({"message":"The request went around in a loop","code":508})"},
      {F::agent_route_reserved,
       R"({"message":"This endpoint is reserved for the E2B control plane and is not reachable through the sandbox )"
       R"(URL","path":"/init","code":404})"},
  }));
  Refused refused;
  refused.scene.path = "/init";
  refused.with(failure);
  CHECK(refused.body() == body);
  CHECK(refused.field("content-type") == "application/json; charset=utf-8");
  CHECK(refused.refusal.head.status == row(failure).status);
}

TEST_CASE("refusal: what stands in JSON is escaped", "[refusal]") {
  Refused refused;
  refused.scene.path = "/a\"\\\n";
  CHECK(refused.with(F::agent_route_reserved).body().find(R"("path":"/a\u0022\u005c\u000a","code":404})") !=
        std::string::npos);
}

TEST_CASE("refusal: text is one sentence and a newline", "[refusal]") {
  Refused refused({{"User-Agent", kChrome}});
  refused.with(F::misdirected);
  CHECK(refused.body() == "Misdirected request\n");
  CHECK(refused.field("content-type") == "text/plain; charset=utf-8");
  CHECK(refused.refusal.head.body == BodyLength{BodyLength::Kind::length, 20});
}

TEST_CASE("refusal: a bad authority has the text of what was wrong with it", "[refusal]") {
  Refused refused;
  refused.scene.text = "Invalid sandbox port";
  CHECK(refused.with(F::bad_authority).body() == "Invalid sandbox port\n");
  CHECK(Refused().with(F::bad_authority).body() == "Invalid host\n");
}

TEST_CASE("refusal: every one says why, which exchange it was, and not to keep or sniff it", "[refusal]") {
  for (std::size_t i = 0; i < kFailureCount; ++i) {
    const auto failure = static_cast<Failure>(i);
    if (row(failure).body == RefusalBody::none) continue;
    for (const Field field :
         {Field{"User-Agent", kChrome}, Field{"Content-Type", "application/grpc"}, Field{"X", ""}}) {
      Refused refused({field});
      refused.with(failure);
      CAPTURE(label(failure), field.name);
      CHECK(refused.field("x-sandgate-reason") == label(failure));
      CHECK(refused.field("x-request-id") == "id-1");
      CHECK(refused.field("cache-control") == "no-store");
      CHECK(refused.field("x-content-type-options") == "nosniff");
      CHECK(refused.field("access-control-allow-origin") == "-");
      CHECK(refused.refusal.head.keep_alive != row(failure).closes);
    }
  }
}

TEST_CASE("refusal: one needs no request", "[refusal]") {
  Refused refused;
  refused.scene.request = nullptr;
  CHECK(refused.with(F::head_timeout).body() == "The request head did not arrive in time.\n");
  CHECK(refused.refusal.head.status == 408);
}

TEST_CASE("refusal: Retry-After stands where waiting helps", "[refusal]") {
  const auto [failure, seconds] = GENERATE(table<Failure, std::string>({{F::record_invalid, "5"},
                                                                        {F::registry_unavailable, "1"},
                                                                        {F::too_many_connections, "1"},
                                                                        {F::client_limit, "1"},
                                                                        {F::overloaded, "1"},
                                                                        {F::draining, "1"},
                                                                        {F::sandbox_not_found, "-"},
                                                                        {F::token_missing, "-"}}));
  CHECK(Refused().with(failure).field("retry-after") == seconds);
}

TEST_CASE("refusal: 405 says what is allowed", "[refusal]") {
  CHECK(Refused().with(F::method_not_allowed).field("allow") == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  CHECK(Refused().with(F::port_closed).field("allow") == "-");
}

TEST_CASE("refusal: HEAD gets the length and no body", "[refusal]") {
  const std::size_t length = Refused().with(F::port_closed).body().size();
  Refused refused;
  refused.request.method = "HEAD";
  refused.with(F::port_closed);
  CHECK(refused.body().empty());
  CHECK(refused.refusal.head.body == BodyLength{BodyLength::Kind::length, length});
}

TEST_CASE("refusal: a preflight has the failure's status", "[refusal]") {
  Refused refused({{"Origin", "https://app.example"}, {"Access-Control-Request-Method", "POST"}});
  refused.request.method = "OPTIONS";
  CHECK(refused.with(F::sandbox_not_found).refusal.head.status == 502);
}

TEST_CASE("cors: an origin may read the refusal", "[refusal]") {
  const auto origin = GENERATE(as<std::string>(), "https://app.example", "http://localhost:3000", "null",
                               "http://[::1]:8080", "chrome-extension://abcdefgh", "https://8080-a_b.sandbox.test");
  for (const Failure failure : {F::sandbox_not_found, F::misdirected}) {
    Refused refused({{"Origin", origin}});
    refused.with(failure);
    CHECK(refused.field("access-control-allow-origin") == origin);
    CHECK(refused.field("access-control-expose-headers") == "x-sandgate-reason, x-request-id, Retry-After");
    CHECK(refused.field("vary") == "Origin");
    CHECK(refused.field("access-control-allow-credentials") == "-");
  }
}

TEST_CASE("cors: what is no origin is not echoed", "[refusal]") {
  const auto origin = GENERATE(as<std::string>(), "", "*", "app.example", "://app.example", "https://app.example/path",
                               "https://a.example https://b.example", "https://a.example, https://b.example",
                               "https://<script>", "ht tp://a.example", "https://\xc3\xa4.example");
  Refused refused({{"Origin", origin}});
  refused.with(F::sandbox_not_found);
  CHECK(refused.field("access-control-allow-origin") == "-");
  CHECK(refused.field("vary") == "Origin");
}

TEST_CASE("cors: an origin of absurd length, or two of them, is not echoed", "[refusal]") {
  Refused longest({{"Origin", "https://" + std::string(600, 'a')}});
  CHECK(longest.with(F::sandbox_not_found).field("access-control-allow-origin") == "-");
  Refused two({{"Origin", "https://a.example"}, {"origin", "https://a.example"}});
  CHECK(two.with(F::sandbox_not_found).field("access-control-allow-origin") == "-");
}

TEST_CASE("grpc: a refusal is trailers only, under status 200", "[refusal]") {
  Refused refused({{"Content-Type", "application/grpc+proto"}});
  refused.request.method = "POST";
  refused.request.version = Version::http_2;
  refused.with(F::too_many_connections);
  CHECK(refused.refusal.head.status == 200);
  CHECK(refused.refusal.head.body == BodyLength{});
  CHECK(refused.body().empty());
  CHECK(refused.field("content-type") == "application/grpc");
  CHECK(refused.field("grpc-status") == "8");
  CHECK(refused.field("grpc-message") == "The sandbox has too many concurrent incoming connections (limit: 12)");
}

TEST_CASE("grpc: over HTTP/1 the missing body is said to be so", "[refusal]") {
  Refused refused({{"Content-Type", "application/grpc"}});
  refused.with(F::sandbox_not_found);
  CHECK(refused.refusal.head.body == BodyLength{BodyLength::Kind::length, 0});
}

TEST_CASE("grpc: the message is percent-encoded", "[refusal]") {
  Refused refused({{"Content-Type", "application/grpc"}});
  refused.scene.text = "100% \xc3\xa4\n~";
  refused.with(F::bad_authority);
  CHECK(refused.field("grpc-message") == "100%25 %C3%A4%0A~");
  CHECK(refused.field("grpc-status") == "3");
}

}  // namespace

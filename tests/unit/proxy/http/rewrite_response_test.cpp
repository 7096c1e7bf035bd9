#include <proxy/http/rewrite.hpp>
#include <tests/unit/proxy/http/rewrite_fixture.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace sandgate::proxy;
using namespace sandgate::proxy::http;
using namespace sandgate::proxy::http::testing;

std::string seen(Exchange& exchange, std::initializer_list<Field> fields) {
  for (const Field& field : fields) exchange.response.fields.add(field.name, field.value);
  rewrite_response(exchange.response, exchange.request, exchange.scene, &exchange.memory, exchange.to_client);
  return lines_of(exchange.to_client.fields);
}

TEST_CASE("response: status, reason, body and all other fields are the sandbox's, in order", "[rewrite]") {
  Exchange exchange;
  exchange.response.status = 418;
  exchange.response.reason = "Short and stout";
  exchange.response.body = {BodyLength::Kind::chunked, 0};
  CHECK(seen(exchange, {{"Server", "tea"},
                        {"X-A", "1"},
                        {"Trailer", "Digest"},
                        {"X-Accel-Redirect", "/etc/passwd"},
                        {"X-A", "2"},
                        {"x-forwarded-for", "kept"},
                        {"Date", "Mon, 23 Nov 2026 00:00:00 GMT"}}) ==
        "Server: tea\nX-A: 1\nTrailer: Digest\nX-Accel-Redirect: /etc/passwd\nX-A: 2\nx-forwarded-for: kept\n"
        "Date: Mon, 23 Nov 2026 00:00:00 GMT\nx-request-id: made-by-the-edge\n");
  CHECK(exchange.to_client.status == 418);
  CHECK(exchange.to_client.reason == "Short and stout");
  CHECK(exchange.to_client.body == BodyLength{BodyLength::Kind::chunked, 0});
}

TEST_CASE("response: that the sandbox's connection ends says nothing about the client's", "[rewrite]") {
  Exchange exchange;
  exchange.response.keep_alive = false;
  seen(exchange, {{"Connection", "close"}});
  CHECK(exchange.to_client.keep_alive);
}

TEST_CASE("response: hop-by-hop fields, Alt-Svc and the edge's own names are dropped", "[rewrite]") {
  const auto name =
      GENERATE(as<std::string>(), "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "TE",
               "Transfer-Encoding", "Upgrade", "Alt-Svc", "x-sandgate-reason", "X-Sandgate-Other", "X-Request-Id");
  Exchange exchange;
  CHECK(seen(exchange, {{name, "x"}}) == "x-request-id: made-by-the-edge\n");
}

TEST_CASE("response: fields named in Connection are dropped, but not the edge's own", "[rewrite]") {
  Exchange exchange;
  CHECK(seen(exchange, {{"X-Hop", "1"}, {"Connection", "x-hop, x-request-id, set-cookie"}, {"Set-Cookie", "a=1"}}) ==
        "x-request-id: made-by-the-edge\n");
}

TEST_CASE("response: an interim one carries no id", "[rewrite]") {
  Exchange exchange;
  exchange.response.status = 103;
  CHECK(seen(exchange, {{"Link", "</a.css>; rel=preload"}, {"x-request-id", "theirs"}}) ==
        "Link: </a.css>; rel=preload\n");
}

TEST_CASE("response: Content-Length stays only where it tells of a body that is not sent", "[rewrite]") {
  const BodyLength none;
  const BodyLength some{BodyLength::Kind::length, 12};
  const auto [method, status, body, length] =
      GENERATE_REF(table<std::string, std::uint16_t, BodyLength, std::string>({{"HEAD", 200, none, "12"},
                                                                               {"HEAD", 404, none, "12"},
                                                                               {"GET", 304, none, "12"},
                                                                               {"GET", 204, none, "-"},
                                                                               {"GET", 101, none, "-"},
                                                                               {"HEAD", 103, none, "-"},
                                                                               {"GET", 200, some, "-"}}));
  CAPTURE(method, status);
  Exchange exchange;
  exchange.request.method = method;
  exchange.response.status = status;
  exchange.response.body = body;
  seen(exchange, {{"Content-Length", "12"}, {"content-length", "12"}});
  CHECK(values_of(exchange.to_client.fields, "content-length") == length);
}

TEST_CASE("cookie: a Domain that is not the request's own host is taken out, and the rest kept", "[rewrite]") {
  const auto [sent, kept] = GENERATE(table<std::string, std::string>({
      {"a=1", "a=1"},
      {"a=1; Path=/; Secure", "a=1; Path=/; Secure"},
      {"a=1; Domain=sandbox.test", "a=1"},
      {"a=1; Domain=.sandbox.test; Path=/", "a=1; Path=/"},
      {"a=1;domain=SANDBOX.test;HttpOnly", "a=1;HttpOnly"},
      {"a=1; \tDOMAIN \t= \tsandbox.test\t ; Path=/", "a=1; Path=/"},
      {"a=1; Domain=test; Path=/; Domain=sandbox.test", "a=1; Path=/"},
      {"a=1; Domain=8080-abc.sandbox.test; Path=/", "a=1; Domain=8080-abc.sandbox.test; Path=/"},
      {"a=1; Domain=.8080-ABC.sandbox.test", "a=1; Domain=.8080-ABC.sandbox.test"},
      {"a=1; Domain=..8080-abc.sandbox.test", "a=1"},
      {"a=1; Domain=8080-abc.sandbox.test; Domain=sandbox.test", "a=1; Domain=8080-abc.sandbox.test"},
      {"a=1; Domain=\"sandbox.test\"", "a=1"},
      {"a=\"x; Domain=sandbox.test\"; Path=/", "a=\"x; Path=/"},
      {"a=1; Domain=localhost", "a=1"},
      {"a=1; Domain=", "a=1"},
      {"a=1; Domain", "a=1"},
      {"a=1; Domain=sandbox.test=x", "a=1"},
      {"a=1;;; Domain=sandbox.test;", "a=1;;;"},
      {"Domain=sandbox.test", "Domain=sandbox.test"},
      {"a=1; XDomain=sandbox.test", "a=1; XDomain=sandbox.test"},
      {"", ""},
  }));
  CAPTURE(sent);
  Exchange exchange;
  exchange.request.authority = "8080-abc.sandbox.test:8443";
  CHECK(exchange.answered("Set-Cookie", sent) == kept);
}

TEST_CASE("cookie: with a masked host the own host is still the client's", "[rewrite]") {
  Exchange exchange;
  exchange.mask_host("localhost:${PORT}");
  CHECK(exchange.answered("Set-Cookie", "a=1; Domain=localhost") == "a=1");
}

TEST_CASE("cookie: lines stay apart and in order", "[rewrite]") {
  Exchange exchange;
  CHECK(seen(exchange, {{"Set-Cookie", "a=1; Domain=test"}, {"X-A", "1"}, {"set-cookie", "b=2"}}) ==
        "Set-Cookie: a=1\nX-A: 1\nset-cookie: b=2\nx-request-id: made-by-the-edge\n");
}

TEST_CASE("trailers: framing, routing, authentication and the edge's own names are forbidden", "[rewrite]") {
  const auto name = GENERATE(as<std::string>(), "Content-Length", "transfer-encoding", "Host", "Connection",
                             "Keep-Alive", "TE", "Trailer", "Upgrade", "HTTP2-Settings", "Expect",
                             "Proxy-Authorization", "Authorization", "WWW-Authenticate", "Cookie", "Set-Cookie",
                             "E2b-Sandbox-Id", "e2b-sandbox-port", "E2B-Traffic-Access-Token", "X-Forwarded-For",
                             "x-forwarded-anything", "Forwarded", "X-Real-IP", "CDN-Loop", "x-request-id",
                             "x-sandgate-reason", "Alt-Svc", "content_length", "e2b_traffic_access_token");
  CAPTURE(name);
  CHECK(is_forbidden_trailer(name, kTokenHeader));
}

TEST_CASE("trailers: others are allowed", "[rewrite]") {
  const auto name =
      GENERATE(as<std::string>(), "grpc-status", "grpc-message", "Digest", "Server-Timing", "x-checksum", "ETag", "x");
  CAPTURE(name);
  CHECK_FALSE(is_forbidden_trailer(name, kTokenHeader));
}

TEST_CASE("trailers: the client sees a response's without the forbidden ones, in order", "[rewrite]") {
  Fields from;
  from.add("grpc-status", "0");
  from.add("Set-Cookie", "a=1; Domain=sandbox.test");
  from.add("grpc-message", "");
  from.add("Content-Length", "7");
  from.add("grpc-status", "1");
  Fields to;
  rewrite_response_trailers(from, kTokenHeader, to);
  CHECK(lines_of(to) == "grpc-status: 0\ngrpc-message: \ngrpc-status: 1\n");
}

}  // namespace

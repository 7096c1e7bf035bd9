#include <proxy/http/field_name.hpp>
#include <proxy/http/rewrite.hpp>
#include <tests/unit/proxy/http/rewrite_fixture.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace sandgate::proxy;
using namespace sandgate::proxy::http;
using namespace sandgate::proxy::http::testing;

TEST_CASE("request: what the edge has no word on passes in order, repetitions and bytes included", "[rewrite]") {
  Exchange exchange({{"Accept", "*/*"},
                     {"X-A", "1"},
                     {"cookie", "a=1; b=2"},
                     {"X-A", ""},
                     {"Cookie", "c=\xff"},
                     {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                     {"Authorization", "Bearer t"},
                     {"x_custom", "kept"},
                     {"X-Forwardedish", "kept"},
                     {"Via", "1.1 someone"}});
  CHECK(exchange.passed() ==
        "Accept: */*\nX-A: 1\ncookie: a=1; b=2\nX-A: \nCookie: c=\xff\n"
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"
        "Authorization: Bearer t\nx_custom: kept\nX-Forwardedish: kept\nVia: 1.1 someone\n");
}

TEST_CASE("request: method, target, body, upgrade and expectation are the client's", "[rewrite]") {
  Exchange exchange;
  exchange.request.method = "PATCH";
  exchange.request.target = "/a%2Fb/../c?d";
  exchange.request.body = {BodyLength::Kind::length, 17};
  exchange.request.upgrade = "websocket";
  exchange.request.expects_continue = true;
  exchange.rewrite().value();
  CHECK(exchange.to_sandbox.method == "PATCH");
  CHECK(exchange.to_sandbox.target == "/a%2Fb/../c?d");
  CHECK(exchange.to_sandbox.body == BodyLength{BodyLength::Kind::length, 17});
  CHECK(exchange.to_sandbox.upgrade == "websocket");
  CHECK(exchange.to_sandbox.expects_continue);
}

TEST_CASE("request: that the client's connection ends says nothing about the sandbox's", "[rewrite]") {
  Exchange exchange({{"Connection", "close"}});
  exchange.request.keep_alive = false;
  exchange.rewrite().value();
  CHECK(exchange.to_sandbox.keep_alive);
}

TEST_CASE("request: hop-by-hop fields end at the edge", "[rewrite]") {
  const auto name = GENERATE(as<std::string>(), "Connection", "keep-alive", "Proxy-Connection", "Proxy-Authenticate",
                             "PROXY-AUTHORIZATION", "TE", "Transfer-Encoding", "HTTP2-Settings", "Upgrade", "Host");
  Exchange exchange({{name, "x"}});
  CHECK(exchange.passed().empty());
}

TEST_CASE("request: fields named in Connection end at the edge, in any line and case", "[rewrite]") {
  Exchange exchange({{"X-Early", "1"},
                     {"Connection", "close, x-EARLY ,,\tX-Late"},
                     {"connection", "cookie"},
                     {"X-Late", "2"},
                     {"Cookie", "a=1"},
                     {"X-Stays", "3"}});
  CHECK(exchange.passed() == "X-Stays: 3\n");
}

TEST_CASE("request: Connection can remove none of the edge's own fields", "[rewrite]") {
  Exchange exchange({{"Connection",
                      "Host, Content-Length, Transfer-Encoding, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, "
                      "X-Forwarded-Port, X-Real-IP, CDN-Loop, x-request-id, Expect"},
                     {"CDN-Loop", "other"},
                     {"Content-Length", "5"},
                     {"Expect", "100-continue"}});
  exchange.request.body = {BodyLength::Kind::length, 5};
  exchange.request.expects_continue = true;
  exchange.rewrite().value();
  CHECK(lines_of(exchange.to_sandbox.fields) ==
        "Expect: 100-continue\nX-Forwarded-For: 203.0.113.7\nX-Forwarded-Host: 8080-abc.sandbox.test\n"
        "X-Forwarded-Proto: https\nX-Forwarded-Port: 8443\nX-Real-IP: 203.0.113.7\nCDN-Loop: other, sandgate\n"
        "x-request-id: made-by-the-edge\n");
  CHECK(exchange.to_sandbox.authority == kAuthority);
  CHECK(exchange.to_sandbox.body.length == 5);
}

TEST_CASE("request: a Connection list longer than any head is forwarded all the same", "[rewrite]") {
  std::string list = "x-first";
  for (int i = 0; i < 5000; ++i) list += ",n" + std::to_string(i);
  Exchange exchange({{"Connection", list}, {"X-First", "1"}, {"X-Other", "2"}});
  CHECK(exchange.passed() == "X-Other: 2\n");
}

TEST_CASE("request: a name repeated in Connection takes no room from others", "[rewrite]") {
  std::string list;
  for (int i = 0; i < 100; ++i) list += "x-same, ";
  Exchange exchange({{"Connection", list + "x-last"}, {"X-Last", "1"}});
  CHECK(exchange.passed().empty());
}

TEST_CASE("request: a name that only begins like one of the edge's passes", "[rewrite]") {
  const std::string_view whole = "x-forwarded-for";
  for (std::size_t size = 1; size < std::string_view("x-forwarded-").size(); ++size) {
    const std::string name(whole.substr(0, size));
    CHECK(Exchange({{whole.substr(0, size), "1"}}).passed() == name + ": 1\n");
    CHECK(meaning_of(whole.substr(0, size)).kind == NameKind::other);
  }
}

TEST_CASE("request: of TE only trailers is left, once", "[rewrite]") {
  const auto [value, sent] = GENERATE(table<std::string, std::string>({{"trailers", "trailers"},
                                                                       {"gzip;q=0.5, Trailers", "trailers"},
                                                                       {"gzip", "-"},
                                                                       {"trailers-not", "-"},
                                                                       {"", "-"}}));
  CHECK(Exchange({{"Connection", "TE"}, {"TE", value}}).sent("te") == sent);
  const bool is_sent = sent != "-";
  CHECK(Exchange({{"te", value}, {"te", value}}).sent("te") == (is_sent ? "trailers" : "-"));
}

TEST_CASE("request: the length of a body is the writer's to say, and a client's zero is kept", "[rewrite]") {
  const BodyLength none;
  const BodyLength three{BodyLength::Kind::length, 3};
  const auto [body, value, sent] = GENERATE_REF(table<BodyLength, std::string, std::string>(
      {{none, "0", "0"}, {none, "000", "0"}, {none, "3", "-"}, {none, "", "-"}, {three, "3", "-"}}));
  Exchange exchange({{"Content-Length", value}, {"content-length", value}});
  exchange.request.body = body;
  CHECK(exchange.sent("content-length") == sent);
}

TEST_CASE("request: an expectation goes on when the client waits for its answer", "[rewrite]") {
  Exchange waiting({{"Expect", "100-Continue"}, {"expect", "100-continue"}});
  waiting.request.expects_continue = true;
  CHECK(waiting.sent("expect") == "100-continue");
  CHECK(Exchange({{"Expect", "100-continue"}}).sent("expect") == "-");
}

TEST_CASE("request: nothing of a refused upgrade is passed", "[rewrite]") {
  Exchange exchange(
      {{"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", "h2c"}, {"HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"}});
  CHECK(exchange.passed().empty());
  CHECK(exchange.to_sandbox.upgrade.empty());
}

TEST_CASE("request: the token never reaches the sandbox, nor its twin", "[rewrite]") {
  const auto name = GENERATE(as<std::string>(), "e2b-traffic-access-token", "E2B-Traffic-Access-Token",
                             "e2b_traffic_access_token", "E2B-traffic_Access-Token");
  CHECK(Exchange({{name, "secret"}, {name, "secret"}}).passed().empty());
}

TEST_CASE("request: a token header of another name is removed instead", "[rewrite]") {
  Exchange exchange({{"X-My-Token", "secret"}, {"e2b-traffic-access-token", "kept"}});
  exchange.scene.token_header = "x-my-token";
  CHECK(exchange.passed() == "e2b-traffic-access-token: kept\n");
}

TEST_CASE("request: routing headers end at the edge", "[rewrite]") {
  Exchange exchange({{"E2b-Sandbox-Id", "abc"}, {"e2b-sandbox-port", "8080"}, {"e2b-sandbox-other", "kept"}});
  CHECK(exchange.passed() == "e2b-sandbox-other: kept\n");
}

TEST_CASE("request: twins of the edge's own names are dropped", "[rewrite]") {
  const auto name =
      GENERATE(as<std::string>(), "content_length", "Transfer_Encoding", "x_forwarded_for", "X-Forwarded_Host",
               "X_FORWARDED_PROTO", "x_forwarded_port", "x_forwarded_prefix", "x_real_ip", "x_client_ip",
               "true_client_ip", "CF_Connecting_IP", "x_original_url", "x_rewrite_url", "x_envoy_internal",
               "e2b_sandbox_id", "e2b-sandbox_port", "CDN_Loop", "x_request_id");
  const bool is_trusted_proxy = GENERATE(false, true);
  const bool via_node = GENERATE(false, true);
  Exchange exchange({{name, "forged"}});
  exchange.scene.is_trusted_proxy = is_trusted_proxy;
  exchange.scene.via_node = via_node;
  CHECK(exchange.passed().empty());
  CHECK(lines_of(exchange.to_sandbox.fields).find("forged") == std::string::npos);
}

TEST_CASE("request: twins of other names pass", "[rewrite]") {
  const auto name = GENERATE(as<std::string>(), "keep_alive", "proxy_connection", "user_agent", "set_cookie");
  CHECK(Exchange({{name, "x"}}).passed() == name + ": x\n");
}

TEST_CASE("request: Host is the client's authority as sent, port and case included", "[rewrite]") {
  Exchange exchange;
  exchange.request.authority = "8080-ABC.sandbox.test.:8443";
  exchange.rewrite().value();
  CHECK(exchange.to_sandbox.authority == "8080-ABC.sandbox.test.:8443");
}

TEST_CASE("request: a mask replaces Host and leaves X-Forwarded-Host", "[rewrite]") {
  Exchange exchange;
  exchange.mask_host("localhost:${PORT}");
  CHECK(exchange.sent("x-forwarded-host") == kAuthority);
  CHECK(exchange.to_sandbox.authority == "localhost:8080");
}

TEST_CASE("request: x-request-id is the exchange's, whatever the client sent", "[rewrite]") {
  CHECK(Exchange({{"X-Request-Id", "a"}, {"x-request-id", "b"}}).sent("x-request-id") == "made-by-the-edge");
}

TEST_CASE("node mode: token and routing headers are kept, and the mask is the node's", "[rewrite]") {
  Exchange exchange({{"E2B-Traffic-Access-Token", "t"}, {"E2b-Sandbox-Id", "abc"}, {"E2b-Sandbox-Port", "8080"}});
  exchange.scene.via_node = true;
  exchange.mask_host("localhost:${PORT}");
  CHECK(exchange.passed() == "E2B-Traffic-Access-Token: t\nE2b-Sandbox-Id: abc\nE2b-Sandbox-Port: 8080\n");
  CHECK(exchange.to_sandbox.authority == kAuthority);
  CHECK(exchange.sent("x-forwarded-host") == kAuthority);
}

TEST_CASE("node mode: a header-routed request gets the Host the node routes by", "[rewrite]") {
  Exchange exchange;
  exchange.request.authority = "sandbox.sandbox.test";
  exchange.scene.via_node = true;
  exchange.scene.node_host = "8080-abc.sandbox.test";
  CHECK(exchange.sent("x-forwarded-host") == "sandbox.sandbox.test");
  CHECK(exchange.to_sandbox.authority == "8080-abc.sandbox.test");
}

TEST_CASE("node mode: hop-by-hop fields, forged addresses and loops are dealt with as ever", "[rewrite]") {
  Exchange exchange({{"Connection", "X-A"}, {"X-A", "1"}, {"Keep-Alive", "5"}, {"X-Real-IP", "192.0.2.1"}});
  exchange.scene.via_node = true;
  CHECK(exchange.passed().empty());
  CHECK(exchange.sent("x-real-ip") == "203.0.113.7");
  CHECK(exchange.sent("cdn-loop") == "sandgate");
}

}  // namespace

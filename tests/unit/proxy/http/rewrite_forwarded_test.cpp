#include <proxy/http/cdn_loop.hpp>
#include <proxy/http/rewrite.hpp>
#include <tests/unit/proxy/http/rewrite_fixture.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace sandgate::proxy;
using namespace sandgate::proxy::http;
using namespace sandgate::proxy::http::testing;

TEST_CASE("forwarded: the sandbox learns who asked, how and where", "[rewrite]") {
  Exchange exchange;
  exchange.rewrite().value();
  CHECK(lines_of(exchange.to_sandbox.fields) ==
        "X-Forwarded-For: 203.0.113.7\nX-Forwarded-Host: 8080-abc.sandbox.test\nX-Forwarded-Proto: https\n"
        "X-Forwarded-Port: 8443\nX-Real-IP: 203.0.113.7\nCDN-Loop: sandgate\nx-request-id: made-by-the-edge\n");
}

TEST_CASE("forwarded: a plain listener says http", "[rewrite]") {
  Exchange exchange;
  exchange.scene.is_tls = false;
  exchange.scene.listener_port = 80;
  CHECK(exchange.sent("x-forwarded-proto") == "http");
  CHECK(exchange.sent("x-forwarded-port") == "80");
}

TEST_CASE("forwarded: what a stranger says about itself is dropped", "[rewrite]") {
  const auto name = GENERATE(as<std::string>(), "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto",
                             "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "Forwarded", "X-Real-IP",
                             "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Original-URL", "X-Rewrite-URL",
                             "X-Envoy-External-Address", "x-envoy-original-path");
  Exchange exchange({{name, "forged"}, {name, "forged again"}});
  CHECK(exchange.passed().empty());
  CHECK(lines_of(exchange.to_sandbox.fields).find("forged") == std::string::npos);
}

TEST_CASE("forwarded: a trusted proxy's X-Forwarded-For is appended to, all lines as one", "[rewrite]") {
  Exchange exchange(
      {{"X-Forwarded-For", "198.51.100.1"}, {"x-forwarded-for", ""}, {"X-Forwarded-For", "2001:db8::1, 10.0.0.1"}});
  exchange.scene.is_trusted_proxy = true;
  CHECK(exchange.sent("x-forwarded-for") == "198.51.100.1, 2001:db8::1, 10.0.0.1, 203.0.113.7");
  CHECK(exchange.sent("x-real-ip") == "203.0.113.7");
}

TEST_CASE("forwarded: a trusted proxy's Proto, Host, Port and other X-Forwarded-* are kept", "[rewrite]") {
  Exchange exchange({{"X-Forwarded-Proto", "http"},
                     {"X-Forwarded-Host", "app.example"},
                     {"X-Forwarded-Port", "81"},
                     {"X-Forwarded-Prefix", "/app"}});
  exchange.scene.is_trusted_proxy = true;
  CHECK(exchange.sent("x-forwarded-proto") == "http");
  CHECK(exchange.sent("x-forwarded-host") == "app.example");
  CHECK(exchange.sent("x-forwarded-port") == "81");
  CHECK(exchange.sent("x-forwarded-prefix") == "/app");
}

TEST_CASE("forwarded: what a trusted proxy does not say, or says twice, is the edge's to say", "[rewrite]") {
  Exchange exchange({{"X-Forwarded-Proto", "http"}, {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", ""}});
  exchange.scene.is_trusted_proxy = true;
  CHECK(exchange.sent("x-forwarded-proto") == "https");
  CHECK(exchange.sent("x-forwarded-host") == kAuthority);
  CHECK(exchange.sent("x-forwarded-port") == "8443");
  CHECK(exchange.sent("x-forwarded-for") == "203.0.113.7");
}

TEST_CASE("forwarded: of a trusted proxy, too, only X-Forwarded-* is believed", "[rewrite]") {
  const auto name = GENERATE(as<std::string>(), "Forwarded", "X-Real-IP", "True-Client-IP", "X-Original-URL",
                             "X-Envoy-External-Address");
  Exchange exchange({{name, "theirs"}});
  exchange.scene.is_trusted_proxy = true;
  CHECK(exchange.passed().empty());
  CHECK(lines_of(exchange.to_sandbox.fields).find("theirs") == std::string::npos);
}

TEST_CASE("loop: the edge's name is appended to what others said", "[rewrite]") {
  Exchange exchange({{"CDN-Loop", "a.example; x=\"1, 2\""}, {"cdn-loop", "b, sandgate"}});
  CHECK(exchange.sent("cdn-loop") == "a.example; x=\"1, 2\", b, sandgate, sandgate");
}

TEST_CASE("loop: the eighth time is refused, the seventh is not", "[rewrite]") {
  Exchange seventh({{"CDN-Loop", "sandgate, sandgate, sandgate"}, {"CDN-Loop", "sandgate, sandgate, sandgate"}});
  CHECK(seventh.rewrite().has_value());
  Exchange eighth(
      {{"CDN-Loop", "sandgate, sandgate, sandgate"}, {"CDN-Loop", "sandgate, sandgate, sandgate, sandgate"}});
  CHECK(eighth.rewrite().error() == Failure::loop_detected);
}

TEST_CASE("loop: Connection cannot hide how often the request was here", "[rewrite]") {
  Exchange exchange(
      {{"Connection", "CDN-Loop"}, {"CDN-Loop", "sandgate,sandgate,sandgate,sandgate,sandgate,sandgate,sandgate"}});
  CHECK(exchange.rewrite().error() == Failure::loop_detected);
}

TEST_CASE("cdn-loop: members are counted by their id", "[rewrite]") {
  const auto [list, passes] = GENERATE(table<std::string, std::size_t>({
      {"", 0},
      {"sandgate", 1},
      {"SandGate ;a=b , sandgate", 2},
      {"sandgate;v=\"x,sandgate\";w=1", 1},
      {"sandgate;v=\"a\\\", sandgate\", sandgate", 2},
      {"other;sandgate, sandgate2, xsandgate, sandgate:443", 0},
      {",, sandgate ,,", 1},
      {"x;a=\", sandgate, sandgate", 2},
  }));
  CAPTURE(list);
  CHECK(count_passes(list, "sandgate") == passes);
}

TEST_CASE("cdn-loop: quotes that nothing closes are read in linear time", "[rewrite]") {
  std::string list = "\"";
  for (int i = 0; i < 500'000; ++i) list += "\\\"";
  CHECK(count_passes(list + ",sandgate", "sandgate") == 1);
}

TEST_CASE("request id: a sane one of the client's is kept", "[rewrite]") {
  const auto id = GENERATE(as<std::string>(), "a", "8f14e45f-ceea-467a", "~!\"#", std::string(128, 'x'));
  Exchange exchange({{"X-Request-ID", id}});
  CHECK(choose_request_id(exchange.request, {1, 2}, &exchange.memory) == id);
}

TEST_CASE("request id: without a sane one the edge makes it", "[rewrite]") {
  const auto id = GENERATE(as<std::string>(), "", "two words", "tab\there", "umlaut\xc3\xa4", std::string(129, 'x'));
  Exchange exchange({{"x-request-id", id}});
  CHECK(choose_request_id(exchange.request, {0x0123456789abcdef, 0xfedcba9876543210}, &exchange.memory) ==
        "0123456789abcdeffedcba9876543210");
}

TEST_CASE("request id: none, or two, is as if there was none", "[rewrite]") {
  Exchange none;
  CHECK(choose_request_id(none.request, {0, 1}, &none.memory) == "00000000000000000000000000000001");
  Exchange two({{"x-request-id", "a"}, {"X-Request-Id", "a"}});
  CHECK(choose_request_id(two.request, {0, 1}, &two.memory) == "00000000000000000000000000000001");
}

}  // namespace

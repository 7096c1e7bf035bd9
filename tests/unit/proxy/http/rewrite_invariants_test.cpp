#include <tests/unit/proxy/http/rewrite_invariants.hpp>

#include <catch2/catch.hpp>

#include <random>

namespace {

using namespace sandgate::proxy::http::testing;

/// Heads made of the names and values that matter, in any order, case and number.
class RandomHead {
 public:
  explicit RandomHead(unsigned seed) : engine_(seed) {}

  std::string make() {
    std::string head(1, static_cast<char>(below(256)));
    for (std::size_t lines = below(24); lines > 0; --lines) head += name() + ":" + value() + "\n";
    return head;
  }

 private:
  std::size_t below(std::size_t end) { return engine_() % end; }

  std::string name() {
    static const std::vector<std::string> kNames = {"connection",
                                                    "keep-alive",
                                                    "te",
                                                    "transfer-encoding",
                                                    "content-length",
                                                    "upgrade",
                                                    "http2-settings",
                                                    "host",
                                                    "proxy-connection",
                                                    "proxy-authorization",
                                                    "expect",
                                                    "cookie",
                                                    "origin",
                                                    "referer",
                                                    "x-custom",
                                                    "x-forwarded-for",
                                                    "x-forwarded-host",
                                                    "x-forwarded-proto",
                                                    "x-forwarded-port",
                                                    "x-forwarded-prefix",
                                                    "forwarded",
                                                    "x-real-ip",
                                                    "true-client-ip",
                                                    "x-envoy-a",
                                                    "e2b-traffic-access-token",
                                                    "e2b-sandbox-id",
                                                    "e2b-sandbox-port",
                                                    "cdn-loop",
                                                    "x-request-id",
                                                    "set-cookie",
                                                    "location",
                                                    "alt-svc",
                                                    "x-sandgate-reason",
                                                    "x-a"};
    std::string name = kNames[below(kNames.size())];
    for (char& c : name) {
      if (below(6) == 0 && c >= 'a' && c <= 'z') c = static_cast<char>(c - 0x20);
      if (below(24) == 0 && c == '-') c = '_';
    }
    return name;
  }

  std::string value() {
    static const std::vector<std::string> kValues = {"",
                                                     "0",
                                                     "5",
                                                     "trailers, gzip",
                                                     "100-continue",
                                                     "close",
                                                     "https://8080-abc.sandbox.test/x",
                                                     "sandgate, other",
                                                     "a=1; Domain=sandbox.test; Path=/",
                                                     "a=1;domain=.8080-ABC.sandbox.test;Domain",
                                                     "http://localhost:8080/y",
                                                     "\"",
                                                     "127.0.0.1, ::1",
                                                     "\xff\xfe"};
    if (below(3) == 0) return name() + ", " + name() + "," + name();
    return kValues[below(kValues.size())];
  }

  std::mt19937 engine_;
};

TEST_CASE("invariants: hold for every request", "[rewrite]") {
  RandomHead heads(20261123);
  for (int i = 0; i < 20'000; ++i) {
    const std::string head = heads.make();
    const std::string broken = check_request(head);
    CAPTURE(head);
    REQUIRE(broken == "");
  }
}

TEST_CASE("invariants: hold for every response", "[rewrite]") {
  RandomHead heads(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::string head = heads.make();
    const std::string broken = check_response(head);
    CAPTURE(head);
    REQUIRE(broken == "");
  }
}

TEST_CASE("invariants: the checks see what is broken", "[rewrite]") {
  CHECK(has_foreign_domain("a=1; Domain=sandbox.test"));
  CHECK(has_foreign_domain("a=1; domain"));
  CHECK_FALSE(has_foreign_domain("a=1; Domain=.8080-abc.sandbox.test; Path=/"));
  Exchange exchange;
  exchange.to_sandbox.fields.add("Keep-Alive", "x");
  CHECK(check_passed_fields(exchange) == "a hop-by-hop field passed");
  CHECK(check_own_fields(exchange) == "not exactly one x-forwarded-for");
  exchange.to_sandbox.fields.add("a", "b\r\nc: d");
  CHECK(check_text(exchange.to_sandbox.fields) == "a line is broken");
}

}  // namespace

#include <proxy/http/rewrite.hpp>
#include <tests/unit/proxy/http/rewrite_fixture.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace sandgate::proxy;
using namespace sandgate::proxy::http;
using namespace sandgate::proxy::http::testing;

TEST_CASE("masked: an Origin or Referer at the request's own place becomes the masked one", "[rewrite]") {
  const auto [authority, url, sent] = GENERATE(table<std::string, std::string, std::string>({
      {"8080-abc.sandbox.test", "https://8080-abc.sandbox.test", "http://localhost:8080"},
      {"8080-abc.sandbox.test", "HTTPS://8080-ABC.Sandbox.test", "http://localhost:8080"},
      {"8080-abc.sandbox.test", "https://8080-abc.sandbox.test:443", "http://localhost:8080"},
      {"8080-abc.sandbox.test:443", "https://8080-abc.sandbox.test", "http://localhost:8080"},
      {"8080-abc.sandbox.test:8443", "https://8080-abc.sandbox.test:8443", "http://localhost:8080"},
      {"8080-abc.sandbox.test", "https://8080-abc.sandbox.test/a%2F?b=c#d", "http://localhost:8080/a%2F?b=c#d"},
      {"8080-abc.sandbox.test", "https://8080-abc.sandbox.test?q", "http://localhost:8080?q"},
      {"[::1]:8443", "https://[::1]:8443/", "http://localhost:8080/"},
  }));
  CAPTURE(authority, url);
  for (const std::string_view name : {"Origin", "Referer"}) {
    Exchange exchange({{name, url}});
    exchange.request.authority = authority;
    exchange.mask_host("localhost:${PORT}");
    CHECK(exchange.sent(name) == sent);
  }
}

TEST_CASE("masked: a foreign Origin or Referer is untouched", "[rewrite]") {
  const auto url =
      GENERATE(as<std::string>(), "null", "", "http://8080-abc.sandbox.test", "https://8080-abc.sandbox.test:8443",
               "https://8080-other.sandbox.test/", "https://8080-abc.sandbox.test.evil.example/",
               "https://8080-abc.sandbox.test@evil.example/", "https://evil.example/https://8080-abc.sandbox.test",
               "https://user@8080-abc.sandbox.test/", "https:8080-abc.sandbox.test", "//8080-abc.sandbox.test/",
               "https://8080-abc.sandbox.test, https://evil.example", "chrome-extension://abc", "https://", "//");
  for (const std::string_view name : {"Origin", "Referer"}) {
    Exchange exchange({{name, url}});
    exchange.mask_host("localhost:${PORT}");
    CHECK(exchange.sent(name) == url);
  }
}

TEST_CASE("masked: on a plain listener the own place is http", "[rewrite]") {
  Exchange exchange({{"Origin", "http://8080-abc.sandbox.test:80"}});
  exchange.scene.is_tls = false;
  exchange.mask_host("localhost:${PORT}");
  CHECK(exchange.sent("origin") == "http://localhost:8080");
}

TEST_CASE("masked: behind a trusted proxy the own place is where the browser asked it", "[rewrite]") {
  Exchange exchange(
      {{"Origin", "https://app.example"}, {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "app.example"}});
  exchange.scene.is_tls = false;
  exchange.scene.is_trusted_proxy = true;
  exchange.mask_host("localhost:${PORT}");
  CHECK(exchange.sent("origin") == "http://localhost:8080");
  CHECK(exchange.answered("Location", "http://localhost:8080/x") == "https://app.example/x");
}

TEST_CASE("masked: without a mask, and in node mode, Origin, Referer and Location are as they are", "[rewrite]") {
  const bool via_node = GENERATE(false, true);
  Exchange exchange({{"Origin", "https://8080-abc.sandbox.test"}, {"Referer", "https://8080-abc.sandbox.test/"}});
  if (via_node) exchange.mask_host("localhost:${PORT}");
  exchange.scene.via_node = via_node;
  CHECK(exchange.sent("origin") == "https://8080-abc.sandbox.test");
  CHECK(exchange.sent("referer") == "https://8080-abc.sandbox.test/");
  CHECK(exchange.answered("Location", "http://localhost:8080/") == "http://localhost:8080/");
}

TEST_CASE("masked: a Location at the masked host points back to the client's", "[rewrite]") {
  const auto [mask, location, seen] = GENERATE(table<std::string, std::string, std::string>({
      {"localhost:${PORT}", "http://localhost:8080/a?b#c", "https://8080-abc.sandbox.test/a?b#c"},
      {"localhost:${PORT}", "https://LOCALHOST:8080", "https://8080-abc.sandbox.test"},
      {"localhost:${PORT}", "//localhost:8080/x", "https://8080-abc.sandbox.test/x"},
      {"localhost", "http://localhost/", "https://8080-abc.sandbox.test/"},
      {"localhost", "http://localhost:80/", "https://8080-abc.sandbox.test/"},
      {"localhost", "https://localhost/", "https://8080-abc.sandbox.test/"},
      {"localhost:80", "http://localhost/", "https://8080-abc.sandbox.test/"},
      {"localhost:443", "https://localhost/", "https://8080-abc.sandbox.test/"},
  }));
  CAPTURE(mask, location);
  Exchange exchange;
  exchange.mask_host(mask);
  CHECK(exchange.answered("Location", location) == seen);
}

TEST_CASE("masked: any other Location is untouched", "[rewrite]") {
  const auto location =
      GENERATE(as<std::string>(), "/relative", "relative", "?q", "", "http://localhost/", "http://localhost:8081/",
               "http://localhost:80801/", "http://localhost:8080.evil.example/", "http://localhost:8080@evil.example/",
               "http://evil.example//localhost:8080/", "ftp://localhost:8080/", "http:/localhost:8080/",
               "/path//localhost:8080/", "https://8080-abc.sandbox.test/");
  Exchange exchange;
  exchange.mask_host("localhost:${PORT}");
  CHECK(exchange.answered("Location", location) == location);
}

}  // namespace

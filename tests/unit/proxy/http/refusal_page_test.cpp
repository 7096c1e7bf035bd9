#include <proxy/http/page.hpp>
#include <proxy/http/refusal.hpp>
#include <tests/unit/proxy/http/refusal_fixture.hpp>

#include <catch2/catch.hpp>
#include <openssl/evp.h>

#include <array>
#include <vector>

namespace {

using namespace sandgate::proxy;
using namespace sandgate::proxy::http;
using namespace sandgate::proxy::http::testing;

std::string page_of(Failure failure, Refused& refused) {
  refused.request.fields.add("User-Agent", kChrome);
  return refused.with(failure).body();
}

std::string page_of(Failure failure) {
  Refused refused;
  return page_of(failure, refused);
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string between(const std::string& text, std::string_view begin, std::string_view end) {
  const std::size_t from = text.find(begin);
  if (from == std::string::npos) return "";
  return text.substr(from + begin.size(), text.find(end, from) - from - begin.size());
}

/// As a Content-Security-Policy names an inline text.
std::string policy_source_of(const std::string& text) {
  std::array<unsigned char, 32> digest;
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::array<unsigned char, 45> base64;
  const int size = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
  return "'sha256-" + std::string(base64.begin(), base64.begin() + size) + "'";
}

std::vector<Failure> failures_with_page() {
  std::vector<Failure> failures;
  const Refused browser({{"User-Agent", kChrome}});
  for (std::size_t i = 0; i < kFailureCount; ++i) {
    const auto failure = static_cast<Failure>(i);
    if (row(failure).body == RefusalBody::none) continue;
    if (choose_format(failure, &browser.request) == RefusalFormat::html) failures.push_back(failure);
  }
  return failures;
}

TEST_CASE("page: there is one for every row with JSON", "[refusal]") {
  CHECK(failures_with_page().size() == 17);
  for (const Failure failure : failures_with_page()) {
    const std::string page = page_of(failure);
    CAPTURE(label(failure));
    CHECK(page.starts_with("<!doctype html>\n<html lang=\"en\">\n"));
    CHECK(contains(page, "<dd>abc</dd>"));
    CHECK(contains(page, "<dd>8080</dd>"));
    CHECK(contains(page, "<dd>" + std::string(label(failure)) + "</dd>"));
    CHECK(contains(page, "<dd>id-1</dd>"));
    CHECK(contains(page, "<p class=\"status\">" + std::to_string(row(failure).status) + " "));
    CHECK(between(page, "<title>", "</title>") == between(page, "<h1>", "</h1>"));
    CHECK_FALSE(between(page, "<p class=\"advice\">", "</p>").empty());
  }
}

TEST_CASE("page: no placeholder is left in it", "[refusal]") {
  for (const Failure failure : failures_with_page()) {
    CHECK_FALSE(contains(between(page_of(failure), "<body>", "<script>"), "{"));
    CHECK_FALSE(contains(between(page_of(failure), "<title>", "</title>"), "{"));
  }
}

TEST_CASE("page: it loads nothing from anywhere", "[refusal]") {
  for (const Failure failure : failures_with_page()) {
    const std::string page = page_of(failure);
    for (const std::string_view outside : {"http:", "https:", "src=", "href=", "url(", "@import", "<link", "<img"}) {
      CAPTURE(label(failure), outside);
      CHECK_FALSE(contains(page, outside));
    }
  }
}

TEST_CASE("page: it is light and dark", "[refusal]") {
  const std::string page = page_of(Failure::sandbox_not_found);
  CHECK(contains(page, "prefers-color-scheme:dark"));
  CHECK(contains(page, "<meta name=\"color-scheme\" content=\"light dark\">"));
}

TEST_CASE("page: its policy allows its own style and script by hash, and nothing else", "[refusal]") {
  Refused closed;
  const std::string page = page_of(Failure::port_closed, closed);
  CHECK(closed.field("content-security-policy") ==
        "default-src 'none'; style-src " + policy_source_of(between(page, "<style>", "</style>")) + "; script-src " +
            policy_source_of(between(page, "<script>", "</script>")) +
            "; connect-src 'self'; base-uri 'none'; form-action 'none'");
  Refused absent;
  const std::string still = page_of(Failure::sandbox_not_found, absent);
  CHECK(absent.field("content-security-policy") == "default-src 'none'; style-src " +
                                                       policy_source_of(between(still, "<style>", "</style>")) +
                                                       "; base-uri 'none'; form-action 'none'");
}

TEST_CASE("page: JSON and text carry no policy", "[refusal]") {
  CHECK(Refused().with(Failure::sandbox_not_found).field("content-security-policy") == "-");
  CHECK(Refused().with(Failure::misdirected).field("content-security-policy") == "-");
}

TEST_CASE("page: everything is escaped", "[refusal]") {
  Refused refused;
  refused.scene.request_id = "<b>\"&'";
  refused.scene.path = "</style><script>";
  const std::string page = page_of(Failure::agent_route_reserved, refused);
  CHECK(contains(page, "<dd>&lt;b&gt;&quot;&amp;&#39;</dd>"));
  CHECK(contains(page, "<dd>&lt;/style&gt;&lt;script&gt;</dd>"));
  CHECK_FALSE(contains(page, "<script>"));
}

TEST_CASE("page: what is not known is not shown", "[refusal]") {
  Refused refused;
  refused.scene.sandbox_id = {};
  refused.scene.port = 0;
  const std::string page = page_of(Failure::overloaded, refused);
  CHECK_FALSE(contains(page, "<dt>Sandbox</dt>"));
  CHECK_FALSE(contains(page, "<dt>Port</dt>"));
  CHECK_FALSE(contains(page, "<dt>Path</dt>"));
}

TEST_CASE("page: only that of a closed port looks again, and only where the request can be repeated", "[refusal]") {
  for (const Failure failure : failures_with_page()) {
    const std::string page = page_of(failure);
    CAPTURE(label(failure));
    CHECK(contains(page, "<script>") == (failure == Failure::port_closed));
    CHECK(contains(page, "<noscript><meta http-equiv=\"refresh\"") == (failure == Failure::port_closed));
  }
  Refused form;
  form.request.method = "POST";
  const std::string page = page_of(Failure::port_closed, form);
  CHECK_FALSE(contains(page, "<script>"));
  CHECK_FALSE(contains(page, "http-equiv"));
}

}  // namespace

#include <proxy/http/refusal.hpp>
#include <tests/unit/proxy/http/refusal_fixture.hpp>

#include <catch2/catch.hpp>

namespace {

using namespace sandgate::proxy;
using namespace sandgate::proxy::http;
using namespace sandgate::proxy::http::testing;

RefusalFormat format_for(std::initializer_list<Field> fields) {
  const Refused refused(fields);
  return choose_format(Failure::sandbox_not_found, &refused.request);
}

TEST_CASE("format: pages are for people who navigate in a browser", "[refusal]") {
  CHECK(format_for({{"User-Agent", kChrome}}) == RefusalFormat::html);
  CHECK(format_for({{"User-Agent", kChrome}, {"Accept", "text/html"}}) == RefusalFormat::html);
  CHECK(format_for({{"User-Agent", kChrome}, {"Accept", "*/*"}}) == RefusalFormat::html);
  CHECK(format_for({{"User-Agent", kChrome}, {"Accept", "application/json, text/html"}}) == RefusalFormat::html);
  CHECK(format_for({{"User-Agent", kChrome}, {"Accept", "application/json"}, {"accept", "text/html"}}) ==
        RefusalFormat::html);
  CHECK(format_for({{"User-Agent", kChrome},
                    {"Sec-Fetch-Mode", "navigate"},
                    {"Accept", "text/html,application/xhtml+xml,*/*"}}) == RefusalFormat::html);
}

TEST_CASE("format: a browser's User-Agent is known by any of seven words, without case", "[refusal]") {
  const auto word = GENERATE(as<std::string>(), "mozilla", "CHROME", "Safari", "fireFox", "Edge", "Opera", "MSIE");
  CHECK(format_for({{"user-agent", "x" + word + "/1"}}) == RefusalFormat::html);
}

TEST_CASE("format: programs get JSON", "[refusal]") {
  const auto agent =
      GENERATE(as<std::string>(), "", "curl/7.88.1", "python-httpx/0.27", "e2b-js-sdk/1.0", "Go-http-client/2.0");
  CHECK(format_for({}) == RefusalFormat::json);
  CHECK(format_for({{"User-Agent", agent}}) == RefusalFormat::json);
  CHECK(format_for({{"User-Agent", agent}, {"Accept", "text/html"}, {"Sec-Fetch-Mode", "navigate"}}) ==
        RefusalFormat::json);
}

TEST_CASE("format: whoever accepts JSON and not HTML gets JSON", "[refusal]") {
  CHECK(format_for({{"User-Agent", kChrome}, {"Accept", "application/json"}}) == RefusalFormat::json);
  CHECK(format_for({{"User-Agent", kChrome}, {"Accept", "Application/JSON;q=0.9, */*"}}) == RefusalFormat::json);
  CHECK(format_for({{"User-Agent", kChrome}, {"Accept", "application/json"}, {"Sec-Fetch-Mode", "navigate"}}) ==
        RefusalFormat::json);
}

TEST_CASE("format: a script in a browser gets JSON", "[refusal]") {
  const auto mode = GENERATE(as<std::string>(), "cors", "no-cors", "same-origin", "websocket", "CORS");
  CHECK(format_for({{"User-Agent", kChrome}, {"Sec-Fetch-Mode", mode}, {"Accept", "text/html"}}) ==
        RefusalFormat::json);
}

TEST_CASE("format: X-Requested-With means a script, unless the browser itself says it navigates", "[refusal]") {
  CHECK(format_for({{"User-Agent", kChrome}, {"X-Requested-With", "XMLHttpRequest"}}) == RefusalFormat::json);
  CHECK(format_for({{"User-Agent", kChrome}, {"X-Requested-With", ""}}) == RefusalFormat::json);
  CHECK(format_for({{"User-Agent", kChrome}, {"Sec-Fetch-Mode", "nested"}, {"X-Requested-With", "x"}}) ==
        RefusalFormat::json);
  CHECK(format_for({{"User-Agent", kChrome}, {"Sec-Fetch-Mode", "navigate"}, {"X-Requested-With", "x"}}) ==
        RefusalFormat::html);
}

TEST_CASE("format: gRPC is known by its content type", "[refusal]") {
  const auto type = GENERATE(as<std::string>(), "application/grpc", "application/grpc+proto", "Application/gRPC+json",
                             "application/grpc; charset=utf-8");
  CHECK(format_for({{"Content-Type", type}, {"User-Agent", kChrome}}) == RefusalFormat::grpc);
}

TEST_CASE("format: grpc-web and the like are ordinary HTTP", "[refusal]") {
  const auto type = GENERATE(as<std::string>(), "application/grpc-web", "application/grpc-web+proto",
                             "application/grpcx", "application/grp", "text/plain", "");
  CHECK(format_for({{"Content-Type", type}}) == RefusalFormat::json);
}

TEST_CASE("format: a failure without JSON is text, in a browser too; gRPC stays gRPC", "[refusal]") {
  const Refused browser({{"User-Agent", kChrome}});
  CHECK(choose_format(Failure::misdirected, &browser.request) == RefusalFormat::text);
  const Refused grpc({{"Content-Type", "application/grpc"}});
  CHECK(choose_format(Failure::bad_authority, &grpc.request) == RefusalFormat::grpc);
}

TEST_CASE("format: without a request it is text or JSON", "[refusal]") {
  CHECK(choose_format(Failure::bad_request, nullptr) == RefusalFormat::text);
  CHECK(choose_format(Failure::overloaded, nullptr) == RefusalFormat::json);
}

TEST_CASE("grpc: statuses are mapped as the contract says", "[refusal]") {
  const auto [http, grpc] = GENERATE(table<std::uint16_t, int>({{400, 3},
                                                                {403, 7},
                                                                {404, 12},
                                                                {429, 8},
                                                                {504, 4},
                                                                {502, 14},
                                                                {503, 14},
                                                                {421, 2},
                                                                {508, 2},
                                                                {405, 2},
                                                                {431, 2}}));
  CHECK(grpc_status(http) == grpc);
}

}  // namespace

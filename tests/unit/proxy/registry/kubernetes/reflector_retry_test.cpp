#include <tests/unit/proxy/registry/kubernetes/reflector_fixture.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sandgate::proxy::registry::kubernetes {
namespace {

using namespace std::chrono_literals;

TEST_CASE("reflector: pauses grow to 30 s, and respect Retry-After up to there", "[registry]") {
  Dialogue dialogue;
  dialogue.find_version();
  const std::vector<std::pair<std::chrono::milliseconds, std::chrono::milliseconds>> bounds{
      {500ms, 1s}, {1s, 2s}, {2s, 4s}, {4s, 8s}, {8s, 16s}, {15s, 30s}, {15s, 30s}};
  for (const auto& [least, most] : bounds) {
    dialogue.next();
    dialogue.reflector.begin(500, 0s, dialogue.now);
    const auto pause = dialogue.reflector.next(dialogue.now).pause;
    CHECK(pause >= least);
    CHECK(pause <= most);
  }
  Dialogue asked;
  asked.find_version();
  asked.next();
  asked.reflector.begin(429, 20s, asked.now);
  CHECK(asked.reflector.next(asked.now).pause == 20s);
  asked.reflector.begin(429, std::chrono::seconds::max(), asked.now);
  CHECK(asked.reflector.next(asked.now).pause == 30s);
}

TEST_CASE("reflector: watches that give nothing again and again are replaced by a list", "[registry]") {
  Dialogue dialogue;
  dialogue.watch();
  dialogue.reflector.end(Ended::cut, dialogue.now);
  for (int failed = 1; failed < 3; ++failed) {
    CHECK(dialogue.next().find("watch=true") != std::string::npos);
    dialogue.reflector.fail("refused");
  }
  CHECK(dialogue.next().find("watch=true") == std::string::npos);
}

TEST_CASE("reflector: a quiet watch that is cut after a while is no part of a row of failures", "[registry]") {
  Dialogue dialogue;
  dialogue.watch();
  for (int cut = 0; cut < 6; ++cut) {
    dialogue.now += 30s;
    dialogue.reflector.end(Ended::cut, dialogue.now);
    CHECK(dialogue.next().find("watch=true") != std::string::npos);
    CHECK(dialogue.last.pause <= 1s);
    REQUIRE(dialogue.reflector.begin(200, 0s, dialogue.now) == Begun::read_body);
  }
  CHECK(dialogue.reflector.failures() == 6);
}

}  // namespace
}  // namespace sandgate::proxy::registry::kubernetes

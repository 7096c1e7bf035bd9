#include <tests/unit/proxy/registry/kubernetes/reflector_fixture.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sandgate::proxy::registry::kubernetes {
namespace {

using namespace std::chrono_literals;

TEST_CASE("reflector: pauses grow to 30 s", "[registry]") {
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
}

TEST_CASE("reflector: whoever is asked to wait does, and not all for the same time", "[registry]") {
  using std::chrono::milliseconds;
  const auto [asked, least, most] = GENERATE(table<std::chrono::seconds, milliseconds, milliseconds>({
      {20s, 20s, 25s},
      {30s, 30s, 37'500ms},
      {31s, 30s, 37'500ms},
      {std::chrono::seconds::max(), 30s, 37'500ms},
  }));
  CAPTURE(asked, least, most);
  std::set<milliseconds> pauses;
  std::mt19937 seeds;
  for (int edge = 0; edge < 20; ++edge) {
    const TimePoint now{1000s};
    Diary diary;
    Reflector reflector(wanted(config::KubernetesKind::pods), diary, static_cast<std::uint32_t>(seeds()), now);
    reflector.next(now);
    reflector.begin(429, asked, now);
    const milliseconds pause = reflector.next(now).pause;
    CHECK(pause >= least);
    CHECK(pause <= most);
    pauses.insert(pause);
  }
  CHECK(pauses.size() > 10);
}

/// Of the requests after a watch, each of which `answer` deals with: how many are watches, until one is a list, or six.
template <class Answer>
int watches_before_list(Dialogue& dialogue, Answer answer) {
  int watches = 0;
  while (watches < 6 && dialogue.next().find("watch=true") != std::string::npos) {
    ++watches;
    answer();
  }
  return watches;
}

TEST_CASE("reflector: watches that give nothing again and again are replaced by a list", "[registry]") {
  Dialogue cut;
  cut.watch();
  cut.reflector.end(Ended::cut, cut.now);
  CHECK(watches_before_list(cut, [&] {
          REQUIRE(cut.reflector.begin(200, 0s, cut.now) == Begun::read_body);
          cut.reflector.end(Ended::cut, cut.now);
        }) == 2);

  Dialogue ended;
  ended.watch();
  ended.reflector.end(Ended::whole, ended.now + 2s);
  CHECK(watches_before_list(ended, [&] {
          REQUIRE(ended.reflector.begin(200, 0s, ended.now) == Begun::read_body);
          CHECK_FALSE(ended.send(event("ERROR", R"({"kind":"Status","code":500})")));
        }) == 3);
}

TEST_CASE("reflector: a place that may be what is refused is given up, and a list begins", "[registry]") {
  const int status = GENERATE(400, 422, 504);
  Dialogue dialogue;
  dialogue.watch();
  dialogue.reflector.end(Ended::whole, dialogue.now + 2s);
  CHECK(watches_before_list(dialogue, [&] { dialogue.reflector.begin(status, 0s, dialogue.now); }) == 3);
}

TEST_CASE("reflector: a server that is away or has no time does not cost the place of the watch", "[registry]") {
  Dialogue away;
  away.watch();
  away.reflector.end(Ended::whole, away.now + 2s);
  CHECK(watches_before_list(away, [&] { away.reflector.fail("refused"); }) == 6);

  const int status = GENERATE(401, 403, 429, 500, 503);
  CAPTURE(status);
  Dialogue busy;
  busy.watch();
  busy.reflector.end(Ended::whole, busy.now + 2s);
  CHECK(watches_before_list(busy, [&] { busy.reflector.begin(status, 0s, busy.now); }) == 6);
  CHECK(busy.next().find("resourceVersion=7&") != std::string::npos);
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

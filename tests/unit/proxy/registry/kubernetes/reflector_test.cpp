#include <tests/unit/proxy/registry/kubernetes/reflector_fixture.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

namespace sandgate::proxy::registry::kubernetes {
namespace {

using namespace std::chrono_literals;

TEST_CASE("reflector: the newest version that is known is used", "[registry]") {
  CHECK(choose_version(R"({"versions":[{"version":"v1alpha1"},{"version":"v1beta1"},{"version":"v2"}]})") == "v1beta1");
  CHECK(choose_version(R"({"versions":[{"version":"v1alpha1"}]})") == "v1alpha1");
  for (const char* none :
       {R"({"versions":[{"version":"v2"}]})", R"({"versions":[7]})", R"({"versions":{}})", "{}", "["}) {
    CHECK(choose_version(none).empty());
  }
}

TEST_CASE("reflector: finds the version, lists page by page, and watches from there", "[registry]") {
  Dialogue dialogue;
  CHECK(dialogue.next() == "/apis/agents.x-k8s.io");
  dialogue.answer(R"({"versions":[{"version":"v1beta1"}]})", 1);
  CHECK(dialogue.next() == "/apis/agents.x-k8s.io/v1beta1/namespaces/team/sandboxes?limit=500");
  dialogue.answer(Dialogue::page(object("a", "1") + "," + object("b", "2"), "7", "next/page"), 3);
  CHECK_FALSE(dialogue.reflector.is_listed());
  CHECK(dialogue.next() == "/apis/agents.x-k8s.io/v1beta1/namespaces/team/sandboxes?limit=500&continue=next%2Fpage");
  dialogue.answer(Dialogue::page(object("c", "3"), "7"));
  CHECK(dialogue.reflector.is_listed());
  CHECK(dialogue.diary.take() == Lines{"begin", "seen team/a", "seen team/b", "seen team/c", "end"});
  CHECK(dialogue.next() ==
        "/apis/agents.x-k8s.io/v1beta1/namespaces/team/sandboxes?watch=true&allowWatchBookmarks=true&"
        "resourceVersion=7&timeoutSeconds=60");
  CHECK(dialogue.last.pause == 0ms);
  CHECK(dialogue.last.patience == 60s + Reflector::kWatchSlack);
}

TEST_CASE("reflector: selectors are escaped, pods are asked for by their label", "[registry]") {
  auto pods = wanted(config::KubernetesKind::pods);
  pods.label_selector = "app in (a, b)";
  CHECK(Dialogue(pods).next() ==
        "/api/v1/namespaces/team/pods?limit=500&labelSelector=sandgate.dev%2Fsandbox%2Capp%20in%20%28a%2C%20b%29");
  auto custom = wanted(config::KubernetesKind::custom);
  custom.group = "agents.kruise.io";
  custom.version = "v1alpha1";
  custom.resource = "sandboxes";
  custom.name_space = "";
  CHECK(Dialogue(custom).next() == "/apis/agents.kruise.io/v1alpha1/sandboxes?limit=500");
}

TEST_CASE("reflector: events are told, and the next watch goes on behind them", "[registry]") {
  Dialogue dialogue;
  dialogue.watch();
  CHECK(dialogue.send(event("ADDED", object("a", "8")) + event("MODIFIED", object("a", "9")), 7));
  CHECK(dialogue.send(event("DELETED", object("a", "10"))));
  CHECK(dialogue.diary.take() == Lines{"seen team/a", "seen team/a", "lost team/a"});
  CHECK(dialogue.send(event("BOOKMARK", R"({"metadata":{"resourceVersion":"15"}})")));
  dialogue.reflector.end(Ended::whole, dialogue.now);
  CHECK(dialogue.next().find("resourceVersion=15&") != std::string::npos);
  CHECK(dialogue.last.pause == 0ms);
  CHECK(dialogue.diary.take().empty());
  CHECK(dialogue.reflector.exact_at() == kNever);
}

TEST_CASE("reflector: an event that is cut at any byte is not told, and got whole after that", "[registry]") {
  const std::string first = event("MODIFIED", object("a", "8"));
  const std::string second = event("DELETED", object("a", "9"));
  for (std::size_t cut = 0; cut < second.size() - 1; ++cut) {
    Dialogue dialogue;
    dialogue.watch();
    dialogue.send(first + second.substr(0, cut));
    dialogue.now += 2s;
    dialogue.reflector.end(Ended::cut, dialogue.now);
    // The event is whole before its line ends.
    const bool is_whole = cut + 1 >= second.size();
    CHECK(dialogue.diary.take() == Lines{"seen team/a"});
    CHECK_FALSE(is_whole);
    CHECK(dialogue.next().find("resourceVersion=8&") != std::string::npos);
    CHECK(dialogue.last.pause >= Backoff::kShortest);
    REQUIRE(dialogue.reflector.begin(200, 0s, dialogue.now) == Begun::read_body);
    dialogue.send(second);
    CHECK(dialogue.diary.take() == Lines{"lost team/a"});
  }
}

TEST_CASE("reflector: a watch that ends within an event was cut, whatever its framing says", "[registry]") {
  Dialogue dialogue;
  dialogue.watch();
  dialogue.now += 2s;
  dialogue.send(event("ADDED", object("a", "8")).substr(0, 50));
  dialogue.reflector.end(Ended::whole, dialogue.now);
  CHECK(dialogue.reflector.failures() == 1);
  CHECK(dialogue.next().find("resourceVersion=7&") != std::string::npos);
}

TEST_CASE("reflector: what is no event of this watch ends it, and everything is listed anew", "[registry]") {
  const std::string foreign_kind = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"team",)"
                                   R"("resourceVersion":"8"}})";
  const auto text = GENERATE_COPY(
      as<std::string>(), "garbage", "[]", "{}", "{nonsense}", R"({"type":"ADDED"})", R"({"type":"ADDED","object":7})",
      event("REPLACED", object("a", "8")), event("", object("a", "8")), event("ADDED", object("", "8")),
      event("ADDED", object("a", "")), event("ADDED", object("a", "8", "elsewhere")), event("DELETED", foreign_kind),
      event("ADDED", R"({"metadata":{"name":"a","namespace":"team","resourceVersion":"8"}})"),
      event("BOOKMARK", R"({"metadata":{}})"));
  CAPTURE(text);
  Dialogue dialogue;
  dialogue.watch();
  CHECK_FALSE(dialogue.send(text));
  CHECK(dialogue.diary.take().empty());
  CHECK(dialogue.reflector.failures() == 1);
  CHECK_FALSE(dialogue.reflector.problem().empty());
  CHECK(dialogue.next().ends_with("/sandboxes?limit=500"));
  CHECK(dialogue.last.pause >= Backoff::kShortest);
  CHECK(dialogue.diary.take().empty());
}

TEST_CASE("reflector: 410 lists anew, by status and by event", "[registry]") {
  Dialogue by_status;
  by_status.watch();
  by_status.reflector.end(Ended::whole, by_status.now + 2s);
  by_status.next();
  CHECK(by_status.reflector.begin(410, 0s, by_status.now) == Begun::leave_body);
  CHECK(by_status.next().ends_with("/sandboxes?limit=500"));

  Dialogue by_event;
  by_event.watch();
  CHECK_FALSE(by_event.send(event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired"})")));
  CHECK(by_event.next().ends_with("/sandboxes?limit=500"));
  by_event.answer(Dialogue::page("", "20"));
  CHECK(by_event.diary.take() == Lines{"begin", "end"});
  CHECK(by_event.next().find("resourceVersion=20&") != std::string::npos);
}

TEST_CASE("reflector: a list whose place was forgotten begins again", "[registry]") {
  Dialogue dialogue;
  dialogue.find_version();
  dialogue.next();
  dialogue.answer(Dialogue::page(object("a", "1"), "7", "more"));
  dialogue.next();
  CHECK(dialogue.reflector.begin(410, 0s, dialogue.now) == Begun::leave_body);
  CHECK(dialogue.next().ends_with("/sandboxes?limit=500"));
  dialogue.answer(Dialogue::page(object("a", "1"), "8"));
  CHECK(dialogue.diary.take() == Lines{"begin", "seen team/a", "begin", "seen team/a", "end"});
}

TEST_CASE("reflector: a list that was cut is asked for again, and removes nothing", "[registry]") {
  const std::string whole = Dialogue::page(object("a", "1"), "7");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    Dialogue dialogue;
    dialogue.find_version();
    dialogue.next();
    dialogue.answer(whole.substr(0, cut));
    for (const std::string& line : dialogue.diary.take()) CHECK(line != "end");
    CHECK_FALSE(dialogue.reflector.is_listed());
    CHECK(dialogue.next().ends_with("?limit=500"));
  }
}

TEST_CASE("reflector: a list of something else is not believed", "[registry]") {
  const auto text = GENERATE(
      as<std::string>(), "[]", "{}", R"({"kind":"Status","metadata":{"resourceVersion":"1"},"items":[]})",
      R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]})",
      R"({"kind":"SandboxList","apiVersion":"agents.x-k8s.io/v1alpha1","metadata":{"resourceVersion":"1"},"items":[]})",
      R"({"kind":"SandboxList","apiVersion":"agents.x-k8s.io/v1beta1","metadata":{},"items":[]})",
      R"({"kind":"SandboxList","apiVersion":"agents.x-k8s.io/v1beta1","metadata":{"resourceVersion":"1"}})",
      R"({"kind":"SandboxList","apiVersion":"agents.x-k8s.io/v1beta1","metadata":{"resourceVersion":"1"},"items":{}})");
  CAPTURE(text);
  Dialogue dialogue;
  dialogue.find_version();
  dialogue.next();
  dialogue.answer(text);
  for (const std::string& line : dialogue.diary.take()) CHECK(line != "end");
  CHECK_FALSE(dialogue.reflector.is_listed());
  CHECK(dialogue.reflector.failures() == 1);
}

Reflector::Wanted things() {
  auto things = wanted(config::KubernetesKind::custom);
  things.group = "g.io";
  things.version = "v1";
  things.resource = "things";
  return things;
}

std::string things_list(const std::string& api_version, const std::string& kind) {
  return R"({"apiVersion":")" + api_version + R"(","items":[],"kind":")" + kind +
         R"(List","metadata":{"resourceVersion":"3"}})";
}

TEST_CASE("reflector: what custom objects are is not learned from a list of another version", "[registry]") {
  Dialogue dialogue(things());
  dialogue.next();
  dialogue.answer(things_list("g.io/v2", "Other"));
  CHECK_FALSE(dialogue.reflector.is_listed());
  dialogue.next();
  dialogue.answer(things_list("g.io/v1", "Thing"));
  CHECK(dialogue.reflector.is_listed());
}

TEST_CASE("reflector: a resource that is gone may come back as another kind", "[registry]") {
  Dialogue dialogue(things());
  dialogue.next();
  dialogue.answer(things_list("g.io/v1", "Thing"));
  dialogue.next();
  CHECK(dialogue.reflector.begin(404, 0s, dialogue.now) == Begun::leave_body);
  dialogue.next();
  dialogue.answer(things_list("g.io/v1", "Item"));
  CHECK(dialogue.reflector.failures() == 1);
  CHECK(dialogue.next().find("watch=true") != std::string::npos);
  dialogue.reflector.begin(410, 0s, dialogue.now);
  dialogue.next();
  dialogue.answer(things_list("g.io/v1", "Thing"));
  CHECK(dialogue.reflector.failures() == 3);
}

TEST_CASE("reflector: a list whose items are null is empty", "[registry]") {
  Dialogue dialogue;
  dialogue.find_version();
  dialogue.next();
  dialogue.answer(R"({"kind":"SandboxList","apiVersion":"agents.x-k8s.io/v1beta1","metadata":{"resourceVersion":"9"},)"
                  R"("items":null})");
  CHECK(dialogue.diary.take() == Lines{"begin", "end"});
  CHECK(dialogue.next().find("resourceVersion=9&") != std::string::npos);
}

TEST_CASE("reflector: items of another kind are passed over", "[registry]") {
  Dialogue dialogue;
  dialogue.find_version();
  dialogue.list(R"({"metadata":{"name":"bare","namespace":"team"}},)" + object("far", "1", "elsewhere") + "," +
                object("a", "2"));
  CHECK(dialogue.diary.take() == Lines{"begin", "skipped", "skipped", "seen team/a", "end"});
}

TEST_CASE("reflector: items of a core list need not say what they are, once the list has", "[registry]") {
  const std::string item = R"({"metadata":{"name":"p","namespace":"team"}})";
  Dialogue dialogue(wanted(config::KubernetesKind::pods));
  dialogue.next();
  dialogue.answer(R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"3"},"items":[)" + item + "]}");
  CHECK(dialogue.diary.take() == Lines{"begin", "seen team/p", "end"});
  Dialogue late(wanted(config::KubernetesKind::pods));
  late.next();
  late.answer(R"({"items":[)" + item + R"(],"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"3"}})");
  CHECK(late.diary.take() == Lines{"begin", "skipped", "end"});
}

TEST_CASE("reflector: a new token is looked for at once, and then with pauses", "[registry]") {
  Dialogue dialogue;
  dialogue.find_version();
  dialogue.next();
  CHECK(dialogue.reflector.begin(401, 0s, dialogue.now) == Begun::renew_credentials);
  dialogue.next();
  CHECK(dialogue.last.pause == 0ms);
  CHECK(dialogue.reflector.begin(401, 0s, dialogue.now) == Begun::renew_credentials);
  dialogue.next();
  CHECK(dialogue.last.pause >= Backoff::kShortest);
  dialogue.answer(Dialogue::page("", "7"));
  CHECK(dialogue.reflector.is_listed());
}

TEST_CASE("reflector: a version that is served no longer is looked for again", "[registry]") {
  Dialogue dialogue;
  dialogue.watch();
  dialogue.reflector.end(Ended::whole, dialogue.now + 2s);
  dialogue.next();
  CHECK(dialogue.reflector.begin(404, 0s, dialogue.now) == Begun::leave_body);
  CHECK(dialogue.next() == "/apis/agents.x-k8s.io");
}

TEST_CASE("reflector: says since when it may not be exact", "[registry]") {
  Dialogue dialogue;
  CHECK(dialogue.reflector.exact_at() == dialogue.now);
  dialogue.watch();
  CHECK(dialogue.reflector.exact_at() == kNever);
  dialogue.now += 20s;
  const TimePoint heard = dialogue.now;
  dialogue.send(event("ADDED", object("a", "8")));
  dialogue.now += 30s;
  dialogue.reflector.end(Ended::cut, dialogue.now);
  CHECK(dialogue.reflector.exact_at() == heard);
}

TEST_CASE("reflector: a body of versions that does not end is left", "[registry]") {
  Dialogue dialogue;
  dialogue.next();
  dialogue.reflector.begin(200, 0s, dialogue.now);
  CHECK_FALSE(dialogue.send(std::string(70'000, ' '), 4096));
}

TEST_CASE("reflector: the largest object that etcd takes is seen, however it is written", "[registry]") {
  constexpr std::size_t kMostInEtcd = std::size_t{3} * 512 * 1024;
  std::string large = object("a", "8");
  std::string blob;
  for (std::size_t i = 0; i < kMostInEtcd; ++i) blob += R"(\u003c)";
  large.insert(1, R"("a":")" + blob + R"(",)");
  Dialogue dialogue;
  dialogue.watch();
  CHECK(dialogue.send(event("MODIFIED", large), 65536));
  CHECK(dialogue.diary.take() == Lines{"seen team/a"});
}

TEST_CASE("reflector: an object that is too large leaves a list without it, and ends a watch", "[registry]") {
  const std::string huge = R"({"a":")" + std::string(JsonSplitter::kMaxValueBytes, 'x') + R"("})";
  Dialogue dialogue;
  dialogue.find_version();
  dialogue.list(object("a", "1") + "," + huge);
  CHECK(dialogue.diary.take() == Lines{"begin", "seen team/a", "skipped", "end"});
  dialogue.next();
  dialogue.reflector.begin(200, 0s, dialogue.now);
  CHECK_FALSE(dialogue.send(event("MODIFIED", huge), 65536));
  CHECK(dialogue.diary.take() == Lines{"skipped"});
  CHECK(dialogue.next().ends_with("?limit=500"));
}

/// Nested deeper than 128 levels, before and behind what it is.
std::string deep_object(const std::string& name, const std::string& version) {
  const std::string deep = std::string(200, '[') + "{}" + std::string(200, ']');
  return R"({"apiVersion":"agents.x-k8s.io/v1beta1","a":)" + deep + R"(,"kind":"Sandbox","metadata":{"name":")" + name +
         R"(","labels":{"a":")" + R"(}\"])" + R"("},"namespace":"team","resourceVersion":")" + version + R"("},"z":)" +
         deep + "}";
}

TEST_CASE("reflector: an object that is nested too deep leaves a list without it, and the others in", "[registry]") {
  Dialogue dialogue;
  dialogue.find_version();
  dialogue.list(deep_object("b", "1") + "," + object("a", "1") + "," + deep_object("c", "1"));
  CHECK(dialogue.diary.take() == Lines{"begin", "skipped", "seen team/a", "skipped", "end"});
}

TEST_CASE("reflector: an object that is nested too deep is lost, and its watch goes on", "[registry]") {
  const auto* type = GENERATE("ADDED", "MODIFIED", "DELETED");
  CAPTURE(type);
  Dialogue dialogue;
  dialogue.watch();
  CHECK(dialogue.send(event(type, deep_object("b", "8")) + event("ADDED", object("a", "9")), 100));
  CHECK(dialogue.diary.take() == Lines{"skipped", "lost team/b", "seen team/a"});
  CHECK(dialogue.send(event(type, deep_object("b", "10"))));
  dialogue.reflector.end(Ended::whole, dialogue.now + 2s);
  CHECK(dialogue.reflector.failures() == 0);
  CHECK(dialogue.next().find("resourceVersion=10&") != std::string::npos);
}

TEST_CASE("reflector: a deep event that does not belong to the watch ends it", "[registry]") {
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  const auto text = GENERATE_COPY(
      as<std::string>(), event("MODIFIED", R"({"a":)" + deep + "}"), event("REPLACED", deep_object("b", "8")),
      event("MODIFIED", deep_object("", "8")), event("MODIFIED", deep_object("b", "")), event("MODIFIED", deep),
      R"({"a":)" + deep + "}", R"({"a":)" + std::string(200, '[') + std::string(200, '}') + "}");
  CAPTURE(text);
  Dialogue dialogue;
  dialogue.watch();
  CHECK_FALSE(dialogue.send(text));
  CHECK(dialogue.diary.take() == Lines{"skipped"});
  CHECK(dialogue.reflector.failures() == 1);
  CHECK(dialogue.next().ends_with("?limit=500"));
}

}  // namespace
}  // namespace sandgate::proxy::registry::kubernetes

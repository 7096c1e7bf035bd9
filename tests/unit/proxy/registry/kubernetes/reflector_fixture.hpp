// reflector_fixture: a reflector, and the server's side of the dialogue with it.
#pragma once

#include <proxy/registry/kubernetes/reflector.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandgate::proxy::registry::kubernetes {

using Lines = std::vector<std::string>;
using Begun = Reflector::Begun;
using Ended = Reflector::Ended;

class Diary final : public Listener {
 public:
  void begin_round() override { lines.emplace_back("begin"); }
  void seen(const boost::json::object& /*object*/, const ObjectName& name) override {
    lines.push_back("seen " + name.text());
  }
  void lost(const ObjectName& name) override { lines.push_back("lost " + name.text()); }
  void end_round() override { lines.emplace_back("end"); }
  void skipped(const std::string& /*what*/) override { lines.emplace_back("skipped"); }
  Lines take() { return std::exchange(lines, {}); }

  Lines lines;
};

inline Reflector::Wanted wanted(config::KubernetesKind kind) {
  Reflector::Wanted wanted;
  wanted.kind = kind;
  wanted.name_space = "team";
  return wanted;
}

/// A reflector, and the server's side of the dialogue with it.
struct Dialogue {
  explicit Dialogue(const Reflector::Wanted& of = wanted(config::KubernetesKind::agent_sandbox))
      : reflector(of, diary, 1, now) {}

  std::string next() {
    last = reflector.next(now);
    now += last.pause;
    return last.target;
  }
  /// A whole response, in pieces of `step` bytes.
  void answer(std::string_view body, std::size_t step = SIZE_MAX) {
    REQUIRE(reflector.begin(200, std::chrono::seconds(0), now) == Begun::read_body);
    send(body, step);
    reflector.end(Ended::whole, now);
  }
  bool send(std::string_view bytes, std::size_t step = SIZE_MAX) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
      if (!reflector.take(bytes.substr(0, step), now)) return false;
    }
    return true;
  }
  void find_version() {
    next();
    answer(R"({"kind":"APIGroup","versions":[{"version":"v1alpha1"},{"version":"v1beta1"}]})");
  }
  void list(const std::string& items = "", const std::string& version = "7") {
    next();
    answer(page(items, version));
  }
  static std::string page(const std::string& items, const std::string& version, const std::string& more = "") {
    return R"({"apiVersion":"agents.x-k8s.io/v1beta1","items":[)" + items + R"(],"kind":"SandboxList","metadata":{)" +
           (more.empty() ? "" : R"("continue":")" + more + R"(",)") + R"("resourceVersion":")" + version + R"("}})";
  }
  /// Up to a watch that has begun.
  void watch() {
    find_version();
    list();
    next();
    REQUIRE(reflector.begin(200, std::chrono::seconds(0), now) == Begun::read_body);
    diary.take();
  }

  Diary diary;
  TimePoint now{std::chrono::seconds(1000)};
  Reflector reflector;
  Reflector::Request last;
};

inline std::string object(const std::string& name, const std::string& version, const std::string& name_space = "team") {
  return R"({"apiVersion":"agents.x-k8s.io/v1beta1","kind":"Sandbox","metadata":{"name":")" + name +
         R"(","namespace":")" + name_space + R"(","resourceVersion":")" + version + R"("}})";
}

inline std::string event(const std::string& type, const std::string& of) {
  return R"({"type":")" + type + R"(","object":)" + of + "}\n";
}

}  // namespace sandgate::proxy::registry::kubernetes

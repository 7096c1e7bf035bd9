// What an API server sends: however the bytes are cut, the same objects are seen and lost; a list's items are those its
// JSON has; and what is published of them is a record, for an id that one object alone has. The first byte says what the
// bytes are (a list, a watch, or one object), the second where the cut is.
#include <proxy/registry/kubernetes/claims.hpp>
#include <proxy/registry/kubernetes/json_splitter.hpp>
#include <proxy/registry/kubernetes/object.hpp>
#include <proxy/registry/kubernetes/reflector.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::fuzz {
namespace {

namespace json = boost::json;
namespace kubernetes = proxy::registry::kubernetes;
using kubernetes::JsonSplitter;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Pieces {
  std::vector<std::string> values;
  std::string envelope;
  bool is_broken = false;
  bool is_at_end = false;
  friend bool operator==(const Pieces&, const Pieces&) = default;
};

Pieces split(JsonSplitter::Shape shape, std::string_view bytes, std::size_t cut) {
  JsonSplitter splitter(shape);
  Pieces pieces;
  for (std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    while (!pieces.is_broken) {
      const JsonSplitter::Piece piece = splitter.take(part);
      if (piece.kind == JsonSplitter::Piece::Kind::more) break;
      pieces.is_broken = piece.kind == JsonSplitter::Piece::Kind::broken;
      if (piece.kind == JsonSplitter::Piece::Kind::value) pieces.values.emplace_back(piece.text);
    }
  }
  pieces.is_at_end = !pieces.is_broken && splitter.is_at_end();
  pieces.envelope = splitter.envelope();
  return pieces;
}

/// Where JSON's own parser reads a list of objects, the splitter finds the same ones.
void check_list(std::string_view bytes, std::size_t cut) {
  const Pieces whole = split(JsonSplitter::Shape::list, bytes, bytes.size());
  require(whole == split(JsonSplitter::Shape::list, bytes, cut));
  boost::system::error_code error;
  const json::value parsed = json::parse(json::string_view(bytes.data(), bytes.size()), error);
  const auto* object = error ? nullptr : parsed.if_object();
  const auto* items = object == nullptr ? nullptr : kubernetes::array_in(*object, "items");
  if (items == nullptr || !whole.is_at_end) return;
  // Two keys that are one, or one that is written with escapes, end in an envelope that is refused.
  const json::value around = json::parse(whole.envelope, error);
  const auto* left = error ? nullptr : kubernetes::array_in(around.as_object(), "items");
  if (left == nullptr || !left->empty()) return;
  require(items->size() == whole.values.size());
  for (std::size_t i = 0; i < items->size(); ++i) require((*items)[i] == json::parse(whole.values[i]));
}

class Diary final : public kubernetes::Listener {
 public:
  void begin_round() override { lines.emplace_back("begin"); }
  void seen(const json::object& object, const kubernetes::ObjectName& name) override {
    require(name.name_space == "team");
    lines.push_back("seen " + name.text() + json::serialize(object));
  }
  void lost(const kubernetes::ObjectName& name) override {
    require(name.name_space == "team");
    lines.push_back("lost " + name.text());
  }
  void end_round() override { lines.emplace_back("end"); }
  void skipped(const std::string& /*what*/) override { lines.emplace_back("skipped"); }
  std::vector<std::string> lines;
};

constexpr std::string_view kEmptyList =
    R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]})";

/// What is told, and what is asked next.
std::vector<std::string> dialogue(bool is_watch, std::string_view bytes, std::size_t cut) {
  using kubernetes::Reflector;
  Diary diary;
  const proxy::TimePoint now{std::chrono::seconds(1000)};
  Reflector::Wanted wanted;
  wanted.kind = config::KubernetesKind::pods;
  wanted.name_space = "team";
  Reflector reflector(wanted, diary, 1, now);
  reflector.next(now);
  reflector.begin(200, std::chrono::seconds(0), now);
  if (is_watch) {
    reflector.take(kEmptyList, now);
    reflector.end(Reflector::Ended::whole, now);
    reflector.next(now);
    reflector.begin(200, std::chrono::seconds(0), now);
  }
  if (reflector.take(bytes.substr(0, cut), now)) reflector.take(bytes.substr(cut), now);
  reflector.end(Reflector::Ended::whole, now + std::chrono::seconds(2));
  require(reflector.failures() == 0 || !reflector.problem().empty());
  diary.lines.push_back(reflector.next(now).target);
  return diary.lines;
}

/// The registry, as far as claims may tell it what they like.
class Table final : public kubernetes::Told {
 public:
  void publish(const routing::SandboxId& id, const std::string& record, const std::string& where) override {
    require(record.size() <= routing::kMaxRecordBytes && record.find(R"("execution_id")") != std::string::npos);
    require(json::parse(record).is_object());
    published[std::string(id.view())] = where;
  }
  void withdraw(const routing::SandboxId& id) override { require(published.erase(std::string(id.view())) < 2); }
  void refuse(const routing::SandboxId& id, const routing::RecordError& /*error*/) override {
    published.erase(std::string(id.view()));
  }
  void reject(const std::string& /*object*/, const routing::RecordError& error) override {
    require(!error.text.empty());
  }
  void forget_rejected(const std::string& /*object*/) override {}
  std::map<std::string, std::string> published;
};

/// The same object under two names, in a namespace that is listed and in one that is not.
void check_object(std::string_view bytes, config::KubernetesKind kind) {
  boost::system::error_code error;
  const json::value parsed = json::parse(json::string_view(bytes.data(), bytes.size()), error);
  const auto* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) return;
  config::KubernetesRegistry config;
  config.kind = kind;
  config.namespaces = {"team"};
  config.custom = {"g.io",         "v1",     "things", "spec.id", R"(metadata.annotations["ips"] | [0])",
                   "metadata.uid", "status", {"up"}};
  const kubernetes::Rules rules(config);
  Table table;
  kubernetes::Claims claims(table);
  for (const char* name_space : {"team", "foreign"}) {
    const kubernetes::ObjectName name{name_space, "box"};
    kubernetes::Sighting sighting = kubernetes::read_object(*object, name, rules);
    const bool is_chosen = sighting.id && sighting.id != kubernetes::computed_id(name);
    require(!is_chosen || name.name_space == "team");
    require(sighting.record.empty() || (sighting.id && !sighting.problem));
    claims.see(0, name, std::move(sighting));
  }
  for (const auto& [id, where] : table.published) require(claims.record(id) != nullptr);
  const std::size_t routed = table.published.size();
  const kubernetes::ObjectName twin{"team", "twin"};
  claims.see(0, twin, kubernetes::read_object(*object, twin, rules));
  // A twin adds an id of its own, or takes away the one they share.
  require(table.published.size() <= routed + 1);
  claims.begin_round(0);
  claims.end_round(0);
  require(table.published.empty() && claims.objects() == 0 && claims.secrets().empty());
}

void check(std::uint8_t what, std::uint8_t where, std::string_view bytes) {
  const std::size_t cut = bytes.empty() ? 0 : where % bytes.size();
  switch (what % 5) {
    case 0:
      check_list(bytes, cut);
      require(dialogue(false, bytes, cut) == dialogue(false, bytes, bytes.size()));
      return;
    case 1: {
      using Shape = JsonSplitter::Shape;
      require(split(Shape::documents, bytes, cut) == split(Shape::documents, bytes, bytes.size()));
      require(dialogue(true, bytes, cut) == dialogue(true, bytes, bytes.size()));
      return;
    }
    case 2:
      return check_object(bytes, config::KubernetesKind::agent_sandbox);
    case 3:
      return check_object(bytes, config::KubernetesKind::pods);
    default:
      return check_object(bytes, config::KubernetesKind::custom);
  }
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  sandgate::fuzz::check(data[0], data[1], {reinterpret_cast<const char*>(data) + 2, size - 2});
  return 0;
}

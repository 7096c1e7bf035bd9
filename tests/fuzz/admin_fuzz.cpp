// The admin interface: any call gets one answer of a status that is documented, valid JSON where it says so, and never a
// token; and what a call stored reads back without one (interface.md, "Admin listener").
//
// An input is method, target and body, each on a line of its own; the body is the rest.
#include <proxy/admin.hpp>
#include <proxy/admin_call.hpp>
#include <tests/fuzz/h1_oracle.hpp>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

namespace sandgate::fuzz {
namespace {

using namespace proxy;

constexpr std::string_view kSecret = "hunter2hunter2";
constexpr std::string_view kStored = R"({"address":"10.0.0.1","traffic_access_token":"hunter2hunter2","x":1})";

/// Records in a map, and one that does not parse.
class MapSource final : public registry::Source {
 public:
  explicit MapSource(registry::Registry& registry) : registry_(registry) {
    records["abc"] = kStored;
    records["bad"] = R"({"address":7,"traffic_access_token":"hunter2hunter2"})";
    for (const auto& [id, json] : records) registry_.put(*registry::SandboxId::parse(id), json);
    registry_.mark_loaded();
  }
  std::map<std::string, std::string, std::less<>> records;

  std::optional<Failed> load() override { return std::nullopt; }
  bool is_writable() const override { return true; }
  boost::system::result<std::vector<bool>, Failed> write(std::span<const registry::Change> changes) override {
    std::vector<bool> existed;
    for (const registry::Change& change : changes) {
      const std::string id(change.id.view());
      existed.push_back(records.erase(id) > 0);
      if (change.record) {
        records[id] = change.record->json();
        registry_.put(*change.record);
      } else {
        registry_.remove(change.id);
      }
    }
    return existed;
  }
  boost::system::result<std::optional<std::string>, Failed> get(const registry::SandboxId& id) override {
    const auto found = records.find(id.view());
    return found == records.end() ? std::nullopt : std::optional(found->second);
  }
  boost::system::result<std::vector<Entry>, Failed> list(std::string_view after, std::size_t limit) override {
    std::vector<Entry> entries;
    for (auto at = records.upper_bound(after); at != records.end() && entries.size() < limit; ++at) {
      entries.push_back({at->first, at->second});
    }
    return entries;
  }

 private:
  registry::Registry& registry_;
};

void check_answer(const AdminRequest& request, const AdminResponse& answer) {
  constexpr std::array<std::uint16_t, 13> kStatuses{200, 201, 202, 204, 207, 400, 403, 404, 405, 409, 421, 503, 401};
  check(std::find(kStatuses.begin(), kStatuses.end(), answer.status) != kStatuses.end(), "a documented status");
  check(answer.body.empty() == answer.content_type.empty(), "a body has a type");
  check(!has_control(answer.allow) && !has_control(answer.content_type), "fields are text");
  const bool is_json = answer.content_type == "application/json";
  if (is_json) {
    const boost::json::object body = boost::json::parse(answer.body).as_object();
    const bool has_said = body.contains("error") || body.contains("errors");  // The second of a batch.
    check(answer.status < 400 || has_said, "an error says what is wrong");
  }
  const std::string asked = std::string(request.target) + std::string(request.body);
  check(asked.find(kSecret.substr(0, 6)) != std::string::npos || answer.body.find(kSecret) == std::string::npos,
        "no answer holds a token");
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate;
  using namespace sandgate::fuzz;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t first = std::min(input.find('\n'), input.size());
  const std::size_t second = std::min(input.find('\n', first + 1), input.size());
  AdminRequest request;
  request.method = std::string_view(input).substr(0, first);
  request.target =
      std::string_view(input).substr(std::min(first + 1, input.size()), second - std::min(first + 1, second));
  request.body = std::string_view(input).substr(std::min(second + 1, input.size()));

  registry::Registry registry;
  MapSource source(registry);
  config::Config config = config::default_config();
  config.domains = {"sandbox.test"};
  const Admin admin(registry, source,
                    {[] { return std::string("metric 1\n"); }, [] { return std::vector<std::string>{}; },
                     [&]() -> const config::Config& { return config; }, [] {}});
  check_answer(request, admin.handle(request, {}));
  check_answer(request, admin.handle_health(request));
  check(admin.handle(request, "secret").status == 401, "with a token nobody else gets in");
  for (const auto& [id, json] : source.records) {
    if (id == "bad" || json == kStored) continue;
    check(boost::json::parse(json).as_object().if_contains("traffic_access_token") == nullptr, "no token is stored");
  }
  return 0;
}

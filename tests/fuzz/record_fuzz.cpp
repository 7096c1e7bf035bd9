// Sandbox records: any bytes give a route or what is wrong with them; no field of the wrong type is read as its default
// (fail closed); what may be shown and stored of a record lets the same ones in and holds no token (contract 7).
#include <proxy/registry/checked_record.hpp>
#include <routing/authority.hpp>
#include <routing/route_record.hpp>
#include <tests/fuzz/h1_oracle.hpp>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cstddef>
#include <cstdint>

namespace sandgate::fuzz {
namespace {

namespace json = boost::json;

bool is_absent_or(const json::object& record, std::string_view name, bool (*fits)(const json::value&)) {
  const json::value* value = record.if_contains(name);
  return value == nullptr || value->is_null() || fits(*value);
}

/// What must hold of the JSON of a record that became a route.
void check_types(const json::object& record) {
  const auto is_text = [](const json::value& value) { return value.is_string(); };
  const auto is_bool = [](const json::value& value) { return value.is_bool(); };
  for (const std::string_view name : {"sandbox_id", "address", "execution_id", "traffic_access_token",
                                      "traffic_access_token_sha256", "mask_request_host", "state", "expires_at"}) {
    check(is_absent_or(record, name, is_text), "a text is a text");
  }
  check(is_absent_or(record, "allow_public_traffic", is_bool), "public or not is true or false");
  check(is_absent_or(record, "max_connections", [](const json::value& value) { return value.is_number(); }),
        "a limit is a number");
  check(is_absent_or(record, "ports", [](const json::value& value) { return value.is_object(); }), "ports are a map");
}

void check_same(const routing::Route& a, const routing::Route& b) {
  check(a.id == b.id && a.address == b.address && a.via_node == b.via_node && a.state == b.state, "the same sandbox");
  check(a.generation == b.generation && a.expires_at == b.expires_at, "the same instance");
  check(a.access == b.access && a.max_connections == b.max_connections, "the same who may come in");
  check(a.mask.has_value() == b.mask.has_value() && (!a.mask || a.mask->text() == b.mask->text()), "the same mask");
}

void check_no_token(std::string shown, const json::object& record) {
  const json::object now = json::parse(shown).as_object();
  check(now.if_contains("traffic_access_token") == nullptr, "no token is shown");
  const json::value* token = record.if_contains("traffic_access_token");
  if (token == nullptr || !token->is_string() || token->as_string().size() < 6) return;
  json::object others = record;
  others.erase("traffic_access_token");
  const std::string text = json::serialize(*token);
  const std::string bare = text.substr(1, text.size() - 2);
  others["traffic_access_token_sha256"] = nullptr;  // Its name may be the token.
  const bool is_elsewhere = json::serialize(others).find(bare) != std::string::npos;
  check(is_elsewhere || shown.find(bare) == std::string::npos, "nor what it was");
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate;
  using namespace sandgate::fuzz;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto id = *routing::SandboxId::parse("sbx1");
  const auto route = routing::parse_record(id, text);
  const auto stored = proxy::registry::CheckedRecord::check(id, text);
  check(route.has_value() == stored.has_value(), "what can be served can be stored");
  if (route.has_error()) {
    check(!route.error().text.empty(), "it is said what is wrong");
    return 0;
  }
  const json::object record = json::parse(text).as_object();
  check_types(record);
  check((*route)->id == id && !(*route)->generation.empty(), "whose it is, and which one");
  const std::string shown = routing::redact_record(text);
  check_no_token(shown, record);
  check_no_token(stored->json(), record);
  const auto again = routing::parse_record(id, stored->json());
  check(again.has_value(), "what is stored can be read");
  check_same(**route, **again);
  check_same(**route, *stored->route());
  return 0;
}

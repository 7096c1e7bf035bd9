#include <proxy/admin.hpp>
#include <proxy/admin_call.hpp>
#include <proxy/printable.hpp>
#include <proxy/registry/checked_record.hpp>
#include <routing/route_record.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <charconv>
#include <optional>
#include <utility>

namespace sandgate::proxy {
namespace {

namespace json = boost::json;
using registry::Change;
using registry::CheckedRecord;
using registry::RecordError;
using registry::SandboxId;
using registry::Source;

constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kMaxPage = 1000;
constexpr std::string_view kIdGrammar = "a sandbox id is 1 to 63 letters and digits";

AdminResponse failed(const Source::Failed& failure) { return error_answer(503, failure.text); }
AdminResponse no_such_sandbox() { return error_answer(404, "there is no such sandbox", "sandbox_id"); }
AdminResponse bad_id() { return error_answer(400, kIdGrammar, "sandbox_id"); }

AdminResponse removed() {
  AdminResponse response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

AdminResponse read_only() {
  auto response = error_answer(405,
                               "this registry source is read-only: change its records where they come from (the "
                               "source `file` is watched: edit it)");
  response.allow = "GET, HEAD";
  return response;
}

std::optional<SandboxId> id_of(const AdminCall& call) { return SandboxId::parse(call.target.segments.at(2)); }

json::object to_json(const RecordError& error) {
  json::object object{{"error", printable(error.text)}};
  if (!error.field.empty()) object["field"] = printable(error.field);
  return object;
}

/// The record with its id in front and its token hidden. One that does not parse is only named.
json::object shown(std::string_view id, std::string_view stored) {
  json::object object{{"sandbox_id", printable(id)}};
  const auto parsed_id = SandboxId::parse(id);
  if (!parsed_id) {
    object["invalid"] = to_json({"sandbox_id", std::string(kIdGrammar)});
    return object;
  }
  if (const auto route = routing::parse_record(*parsed_id, stored); route.has_error()) {
    object["invalid"] = to_json(route.error());
    return object;
  }
  const json::value record = json::parse(routing::redact_record(stored));
  for (const auto& [key, value] : record.as_object()) object.emplace(key, value);
  return object;
}

/// The `limit` of a page; nothing when it is no number from 1 to kMaxPage.
std::optional<std::size_t> page_size(const AdminCall& call) {
  const auto* text = call.parameter("limit");
  if (text == nullptr) return kDefaultPage;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error != std::errc() || end != text->data() + text->size() || limit == 0 || limit > kMaxPage) return std::nullopt;
  return limit;
}

AdminResponse bad_limit() {
  return error_answer(400, "must be a number from 1 to " + std::to_string(kMaxPage), "limit");
}

std::string_view after_of(const AdminCall& call) {
  const auto* after = call.parameter("after");
  return after == nullptr ? std::string_view() : *after;
}

/// POST /v1/sandboxes while it is read.
struct Batch {
  std::vector<Change> changes;
  json::array errors;

  void refuse(std::string_view list, std::size_t index, const RecordError& error) {
    std::string field = std::string(list) + "[" + std::to_string(index) + "]";
    if (!error.field.empty()) field += "." + error.field;
    errors.push_back(to_json({std::move(field), error.text}));
  }

  void add_record(std::size_t index, const json::value& record) {
    const auto* object = record.if_object();
    const auto* key = object == nullptr ? nullptr : object->if_contains("sandbox_id");
    const auto* text = key == nullptr ? nullptr : key->if_string();
    if (text == nullptr) return refuse("sandboxes", index, {"sandbox_id", "a record here must name its sandbox"});
    const auto id = SandboxId::parse(*text);
    if (!id) return refuse("sandboxes", index, {"sandbox_id", std::string(kIdGrammar)});
    auto checked = CheckedRecord::check(*id, json::serialize(record));
    if (checked.has_error()) return refuse("sandboxes", index, checked.error());
    changes.push_back({*id, *std::move(checked)});
  }

  void add_removal(std::size_t index, const json::value& item) {
    const auto* text = item.if_string();
    const auto id = text == nullptr ? std::nullopt : SandboxId::parse(*text);
    if (!id) return refuse("remove", index, {"", std::string(kIdGrammar)});
    changes.push_back({*id, std::nullopt});
  }
};

boost::system::result<Batch, RecordError> read_batch(std::string_view body) {
  boost::system::error_code error;
  const json::value parsed = json::parse(body, error);
  if (error) return RecordError{"", "the body is not JSON: " + error.message()};
  if (!parsed.is_object()) return RecordError{"", "the body must be {\"sandboxes\": [...], \"remove\": [...]}"};

  Batch batch;
  for (const auto& [key, value] : parsed.as_object()) {
    if (key == "next") continue;  // of the page that is posted here
    if (key != "sandboxes" && key != "remove") return RecordError{key, "must be `sandboxes` or `remove`"};
    if (!value.is_array()) return RecordError{key, "must be an array"};
    std::size_t index = 0;
    for (const auto& item : value.as_array()) {
      if (key == "remove") {
        batch.add_removal(index++, item);
      } else {
        batch.add_record(index++, item);
      }
    }
  }
  return batch;
}

/// Removes only the instance `execution_id`.
AdminResponse remove_instance(Source& source, const SandboxId& id, const std::string& execution_id) {
  const auto removal = source.remove_execution(id, execution_id);
  if (removal.has_error()) return failed(removal.error());
  switch (*removal) {
    case registry::Removal::removed:
      return removed();
    case registry::Removal::absent:
      return no_such_sandbox();
    case registry::Removal::other_execution:
      break;
  }
  return error_answer(409, "the record is of another execution; nothing was removed", "execution_id");
}

}  // namespace

AdminResponse Admin::list_sandboxes(const AdminCall& call) const {
  const auto limit = page_size(call);
  if (!limit) return bad_limit();
  auto entries = source_.list(after_of(call), *limit + 1);
  if (entries.has_error()) return failed(entries.error());

  json::value next = nullptr;
  if (entries->size() > *limit) {
    entries->pop_back();
    next = printable(entries->back().id);
  }
  json::array sandboxes;
  for (const auto& entry : *entries) sandboxes.push_back(shown(entry.id, entry.json));
  return json_answer(200, json::object{{"sandboxes", std::move(sandboxes)}, {"next", std::move(next)}});
}

AdminResponse Admin::change_sandboxes(const AdminCall& call) const {
  if (!source_.is_writable()) return read_only();
  auto batch = read_batch(call.request.body);
  if (batch.has_error()) return error_answer(400, batch.error().text, batch.error().field);

  const auto existed = source_.write(batch->changes);
  if (existed.has_error()) return failed(existed.error());
  std::uint64_t put = 0;
  std::uint64_t removed = 0;
  for (std::size_t i = 0; i < batch->changes.size(); ++i) {
    if (batch->changes[i].record) {
      ++put;
    } else if ((*existed)[i]) {
      ++removed;
    }
  }
  const std::uint16_t status = batch->errors.empty() ? 200 : batch->changes.empty() ? 400 : 207;
  return json_answer(status, json::object{{"put", put}, {"removed", removed}, {"errors", std::move(batch->errors)}});
}

AdminResponse Admin::get_sandbox(const AdminCall& call) const {
  const auto id = id_of(call);
  if (!id) return bad_id();
  const auto stored = source_.get(*id);
  if (stored.has_error()) return failed(stored.error());
  if (!stored->has_value()) return no_such_sandbox();
  return json_answer(200, shown(id->view(), **stored));
}

AdminResponse Admin::put_sandbox(const AdminCall& call) const {
  if (!source_.is_writable()) return read_only();
  const auto id = id_of(call);
  if (!id) return bad_id();
  auto record = CheckedRecord::check(*id, call.request.body);
  if (record.has_error()) return error_answer(400, record.error().text, record.error().field);

  const Change change{*id, *std::move(record)};
  const auto existed = source_.write({&change, 1});
  if (existed.has_error()) return failed(existed.error());
  return json_answer(existed->front() ? 200 : 201, shown(id->view(), change.record->json()));
}

AdminResponse Admin::delete_sandbox(const AdminCall& call) const {
  if (!source_.is_writable()) return read_only();
  const auto id = id_of(call);
  if (!id) return bad_id();
  if (const auto* execution_id = call.parameter("execution_id")) return remove_instance(source_, *id, *execution_id);
  const Change change{*id, std::nullopt};
  const auto existed = source_.write({&change, 1});
  if (existed.has_error()) return failed(existed.error());
  return existed->front() ? removed() : no_such_sandbox();
}

AdminResponse Admin::sandbox_stats(const AdminCall& call) const {
  const auto id = id_of(call);
  if (!id) return bad_id();
  const auto lookup = registry_.table().find(*id);
  if (lookup.result == routing::LookupResult::invalid) {
    return error_answer(404, "the sandbox's record does not parse; /v1/invalid_records says why", "sandbox_id");
  }
  if (!lookup.usage) return no_such_sandbox();

  const routing::Usage& usage = *lookup.usage;
  json::object stats{{"sandbox_id", id->view()},          {"connections", usage.connections.load()},
                     {"active", usage.active.load()},     {"exchanges", usage.exchanges.load()},
                     {"bytes_up", usage.bytes_up.load()}, {"bytes_down", usage.bytes_down.load()},
                     {"last_use_unix_ms", nullptr}};
  if (const auto last_use = usage.last_use_unix_ms.load(); last_use != 0) stats["last_use_unix_ms"] = last_use;
  return json_answer(200, stats);
}

AdminResponse Admin::list_invalid(const AdminCall& call) const {
  const auto limit = page_size(call);
  if (!limit) return bad_limit();
  const auto invalid = registry_.invalid_records(after_of(call), *limit + 1);
  json::array records;
  auto it = invalid.begin();
  std::string_view last;
  for (; it != invalid.end() && records.size() < *limit; ++it) {
    json::object entry{{"sandbox_id", printable(it->first)}};
    for (auto& [key, value] : to_json(it->second)) entry.emplace(key, value);
    records.push_back(std::move(entry));
    last = it->first;
  }
  json::value next = nullptr;
  if (it != invalid.end()) next = printable(last);
  return json_answer(200, json::object{{"invalid_records", std::move(records)}, {"next", std::move(next)}});
}

}  // namespace sandgate::proxy

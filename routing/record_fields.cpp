#include <routing/record_fields.hpp>

#include <boost/json/value.hpp>

#include <limits>
#include <utility>

namespace sandgate::routing {

RecordFields::RecordFields(const boost::json::object& object, std::string path)
    : object_(object), path_(std::move(path)) {}

std::optional<std::string_view> RecordFields::string(std::string_view name) {
  const boost::json::value* const value = find(name);
  if (!value) return std::nullopt;
  if (const auto* const text = value->if_string()) return std::string_view(text->data(), text->size());
  fail(name, "must be a string");
  return std::nullopt;
}

std::optional<std::string_view> RecordFields::nonempty_string(std::string_view name) {
  const auto text = string(name);
  return text && !text->empty() ? text : std::nullopt;
}

std::optional<bool> RecordFields::boolean(std::string_view name) {
  const boost::json::value* const value = find(name);
  if (!value) return std::nullopt;
  if (const bool* const truth = value->if_bool()) return *truth;
  fail(name, "must be true or false");
  return std::nullopt;
}

std::optional<std::int32_t> RecordFields::integer(std::string_view name, std::int32_t least) {
  constexpr std::int32_t kGreatest = std::numeric_limits<std::int32_t>::max();
  const boost::json::value* const value = find(name);
  if (!value) return std::nullopt;
  const std::int64_t* const number = value->if_int64();
  if (number && *number >= least && *number <= kGreatest) return static_cast<std::int32_t>(*number);
  fail(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(kGreatest));
  return std::nullopt;
}

const boost::json::object* RecordFields::object(std::string_view name) {
  const boost::json::value* const value = find(name);
  if (!value) return nullptr;
  if (const auto* const nested = value->if_object()) return nested;
  fail(name, "must be an object");
  return nullptr;
}

void RecordFields::fail(std::string_view name, std::string text) {
  if (error_) return;
  error_ = RecordError{path_ + std::string(name), std::move(text)};
}

void RecordFields::fail(const std::optional<RecordError>& nested) {
  if (!error_) error_ = nested;
}

const boost::json::value* RecordFields::find(std::string_view name) const {
  const boost::json::value* const value = object_.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

}  // namespace sandgate::routing

#include <proxy/registry/kubernetes/policy.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

namespace json = boost::json;
using routing::RecordError;

enum class Form : std::uint8_t { text, truth, number, object };

constexpr std::array<std::pair<std::string_view, Form>, 6> kFields{{
    {"allow_public_traffic", Form::truth},
    {"traffic_access_token_sha256", Form::text},
    {"mask_request_host", Form::text},
    {"max_connections", Form::number},
    {"ports", Form::object},
    {"expires_at", Form::text},
}};

constexpr std::string_view kSecret = "traffic_access_token_secret";
constexpr std::string_view kPlainToken = "traffic_access_token";
constexpr std::size_t kMaxName = 253;

/// What is not of the form stays text, for the record's own rules to refuse with their words.
json::value to_value(std::string_view text, Form form) {
  if (form == Form::truth && (text == "true" || text == "false")) return text == "true";
  if (form == Form::number) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
  }
  if (form == Form::object) {
    boost::system::error_code error;
    json::value parsed = json::parse(json::string_view(text.data(), text.size()), error);
    if (!error && parsed.is_object()) return parsed;
  }
  return json::string(json::string_view(text.data(), text.size()));
}

bool is_secret_name(std::string_view text) {
  const auto is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  };
  return !text.empty() && text.size() <= kMaxName && text.front() != '.' && std::ranges::all_of(text, is_fine);
}

/// "name" or "name/key"
std::optional<RecordError> read_secret(std::string_view text, const ObjectName& of, std::optional<SecretRef>& token) {
  const auto slash = text.find('/');
  const std::string_view name = text.substr(0, slash);
  const std::string_view key = slash == std::string_view::npos ? kDefaultSecretKey : text.substr(slash + 1);
  if (!is_secret_name(name) || !is_secret_name(key)) {
    return RecordError{std::string(kAnnotationPrefix).append(kSecret),
                       "must be the name of a Secret of this namespace, or name/key (the key is `token` otherwise)"};
  }
  token = SecretRef{of.name_space, std::string(name), std::string(key)};
  return std::nullopt;
}

std::string known_annotations() {
  std::string names = "id";
  for (const auto& [name, form] : kFields) names.append(", ").append(name);
  return names.append(", ").append(kSecret);
}

}  // namespace

std::optional<RecordError> read_policy(const json::object& annotations, const ObjectName& name, json::object& record,
                                       std::optional<SecretRef>& token) {
  for (const auto& [key, value] : annotations) {
    const std::string_view whole(key.data(), key.size());
    if (!whole.starts_with(kAnnotationPrefix) || whole == kIdAnnotation) continue;
    const std::string_view field = whole.substr(kAnnotationPrefix.size());
    const auto* text = value.if_string();
    if (text == nullptr) return RecordError{std::string(whole), "must be a string, as every annotation"};
    const std::string_view said(text->data(), text->size());
    if (field == kSecret) {
      if (auto problem = read_secret(said, name, token)) return problem;
      continue;
    }
    if (field == kPlainToken) {
      return RecordError{std::string(whole),
                         "must not be in an annotation, which many may read: write traffic_access_token_sha256, or "
                         "keep the token in a Secret and name that as traffic_access_token_secret"};
    }
    const auto* const known = std::ranges::find(kFields, field, &decltype(kFields)::value_type::first);
    if (known == kFields.end()) {
      return RecordError{std::string(kAnnotationPrefix), "has an annotation that is none of " + known_annotations()};
    }
    record.insert_or_assign(json::string_view(field.data(), field.size()), to_value(said, known->second));
  }
  if (token && record.contains("traffic_access_token_sha256")) {
    return RecordError{std::string(kAnnotationPrefix).append(kSecret),
                       "must not stand beside traffic_access_token_sha256: write one of the two"};
  }
  return std::nullopt;
}

}  // namespace sandgate::proxy::registry::kubernetes

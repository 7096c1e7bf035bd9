// dump_json: the configuration as the admin listener shows it.
#include <config/enum_names.hpp>
#include <config/fields.hpp>
#include <config/load.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>

namespace sandgate::config {
namespace {

namespace json = boost::json;

json::value to_json(bool value) { return value; }
json::value to_json(std::uint16_t value) { return value; }
json::value to_json(std::uint32_t value) { return value; }
json::value to_json(std::int32_t value) { return value; }
json::value to_json(const std::string& value) { return json::string(value); }
json::value to_json(Bytes value) { return to_json(to_string(value)); }
json::value to_json(milliseconds value) { return to_json(to_string(value)); }
json::value to_json(const IpRange& value) { return to_json(value.to_string()); }
json::value to_json(const Endpoint& value) { return to_json(value.to_string()); }

/// Up to the last "@": a password that was not percent-encoded may hold others, and slashes.
json::value to_json(const SecretUrl& value) {
  const auto at = value.text.rfind('@');
  if (at == std::string::npos) return to_json(value.text);
  const auto scheme_end = value.text.find("://");
  const auto begin = scheme_end == std::string::npos || scheme_end > at ? 0 : scheme_end + 3;
  return to_json(value.text.substr(0, begin) + "***" + value.text.substr(at));
}

template <class Names, class T>
json::value name_of(const Names& names, T value) {
  const auto* found = std::ranges::find(names, value, &Names::value_type::second);
  return found == names.end() ? json::value() : json::value(found->first);
}
json::value to_json(TlsVersion value) { return name_of(kTlsVersionNames, value); }
json::value to_json(RegistrySource value) { return name_of(kRegistrySourceNames, value); }
json::value to_json(KubernetesKind value) { return name_of(kKubernetesKindNames, value); }
json::value to_json(DefaultAccess value) { return name_of(kDefaultAccessNames, value); }

/// Numbers that are chosen at start when left out; structs that are absent are null.
json::value to_json(std::optional<std::uint32_t> value) { return value ? json::value(*value) : json::value("auto"); }
json::value to_json(std::optional<Bytes> value) { return value ? to_json(*value) : json::value("auto"); }

template <class T>
json::value to_json(const std::vector<T>& list);
template <class T>
json::value to_json(const std::optional<T>& part);
template <class T>
requires std::is_class_v<T> json::value to_json(const T& part);

/// What `describe` calls when a configuration is shown.
struct ObjectWriter {
  json::object object;

  template <class T>
  void field(std::string_view key, const T& value) {
    object[key] = to_json(value);
  }
  template <class T>
  void required(std::string_view key, const T& value) {
    field(key, value);
  }
};

template <class T>
json::value to_json(const std::vector<T>& list) {
  json::array array;
  for (const T& item : list) array.push_back(to_json(item));
  return array;
}

template <class T>
json::value to_json(const std::optional<T>& part) {
  return part ? to_json(*part) : json::value();
}

template <class T>
requires std::is_class_v<T> json::value to_json(const T& part) {
  ObjectWriter writer;
  describe(writer, part);
  return std::move(writer.object);
}

}  // namespace

std::string dump_json(const Config& config) { return json::serialize(to_json(config)); }

}  // namespace sandgate::config

#include <config/enum_names.hpp>
#include <config/scalars.hpp>
#include <config/text_check.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

namespace sandgate::config {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Decimal digits alone: no sign, no fraction, no 0x.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!is_number(text) || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Sets the target to what `parse` makes of the text; when it makes nothing, reports that `wanted` was expected.
template <class T, class Parse>
void read_as(const Value& value, T& target, Parse parse, std::string_view wanted) {
  const std::string* text = value.scalar(wanted);
  if (text == nullptr) return;
  if (const auto parsed = parse(*text)) {
    target = *parsed;
  } else {
    value.reject(wanted);
  }
}

template <class T, class Names>
void read_name(const Value& value, T& target, const Names& names, std::string_view wanted) {
  const auto parse = [&](std::string_view text) -> std::optional<T> {
    const auto* found = std::ranges::find(names, text, &Names::value_type::first);
    return found == names.end() ? std::nullopt : std::optional(found->second);
  };
  read_as(value, target, parse, wanted);
}

}  // namespace

void read(const Value& value, bool& target) {
  const auto parse = [](std::string_view text) -> std::optional<bool> {
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
  };
  read_as(value, target, parse, "true or false");
}

void read(const Value& value, std::string& target) {
  const auto parse = [](const std::string& text) { return is_one_line(text) ? std::optional(text) : std::nullopt; };
  read_as(value, target, parse, "a text of one line");
}

void read(const Value& value, SecretUrl& target) {
  const std::string* text = value.scalar("a URL");
  if (text == nullptr) return;
  // The text is not quoted back: it may hold a password.
  const bool is_url = text->starts_with("redis://") || text->starts_with("rediss://") || text->starts_with("unix:");
  if (is_url && is_one_line(*text)) {
    target.text = *text;
  } else {
    value.report(value.node().at, value.path(),
                 "must be a URL that begins with redis://, rediss:// for TLS, or unix:/");
  }
}

void read(const Value& value, std::uint16_t& target) {
  const auto parse = [](std::string_view text) {
    const auto port = parse_number<std::uint16_t>(text);
    return port == std::uint16_t{0} ? std::nullopt : port;
  };
  read_as(value, target, parse, "a port from 1 to 65535");
}

void read(const Value& value, std::uint32_t& target) {
  read_as(value, target, parse_number<std::uint32_t>, "a whole number from 0 to 4294967295");
}

void read(const Value& value, std::int32_t& target) {
  read_as(value, target, parse_number<std::int32_t>, "a whole number from 0 to 2147483647");
}

void read(const Value& value, std::optional<std::uint32_t>& target) {
  const auto parse = [](std::string_view text) -> std::optional<std::optional<std::uint32_t>> {
    if (text == "auto") return std::optional<std::uint32_t>{};
    const auto number = parse_number<std::uint32_t>(text);
    if (!number) return std::nullopt;
    return number;
  };
  read_as(value, target, parse, "auto or a whole number");
}

void read(const Value& value, Bytes& target) {
  const std::string wanted = "a size such as 64KiB or 1MiB";
  const auto& node = value.node();
  const bool no_unit = node.kind == YamlNode::Kind::scalar && is_number(node.text) && node.text != "0";
  read_as(value, target, parse_bytes, no_unit ? wanted + " (a number needs a unit: B, KiB, MiB or GiB)" : wanted);
}

void read(const Value& value, std::optional<Bytes>& target) {
  const auto parse = [](std::string_view text) -> std::optional<std::optional<Bytes>> {
    if (text == "auto") return std::optional<Bytes>{};
    const auto size = parse_bytes(text);
    if (!size) return std::nullopt;
    return size;
  };
  read_as(value, target, parse, "auto or a size such as 512MiB");
}

void read(const Value& value, milliseconds& target) {
  const std::string wanted = "a duration such as 10s or 250ms";
  const auto& node = value.node();
  const bool no_unit = node.kind == YamlNode::Kind::scalar && is_number(node.text) && node.text != "0";
  read_as(value, target, parse_duration, no_unit ? wanted + " (a number needs a unit: ms, s, m or h)" : wanted);
}

void read(const Value& value, IpRange& target) {
  read_as(value, target, IpRange::parse, "an address or range such as 10.0.0.0/8 or fc00::/7, without host bits");
}

void read(const Value& value, Endpoint& target) {
  read_as(value, target, Endpoint::parse,
          R"(an address and port such as 0.0.0.0:8443, "[::]:8443" (in quotes), )"
          "or unix:/absolute/path");
}

void read(const Value& value, TlsVersion& target) { read_name(value, target, kTlsVersionNames, R"("1.2" or "1.3")"); }

void read(const Value& value, RegistrySource& target) {
  read_name(value, target, kRegistrySourceNames, "store, file, redis or kubernetes");
}

void read(const Value& value, KubernetesKind& target) {
  read_name(value, target, kKubernetesKindNames, "agent-sandbox, pods or custom");
}

void read(const Value& value, DefaultAccess& target) {
  read_name(value, target, kDefaultAccessNames, "private or public");
}

}  // namespace sandgate::config

// Names and quantities: authorities, sandbox ids, masks, addresses, units, times, paths. The first byte says which; each
// has a rule that needs none of the parser's own tables.
#include <config/ip_address.hpp>
#include <config/redis_url.hpp>
#include <config/units.hpp>
#include <proxy/http/cdn_loop.hpp>
#include <routing/authority.hpp>
#include <routing/host_mask.hpp>
#include <routing/reserved_path.hpp>
#include <routing/timestamp.hpp>
#include <tests/fuzz/h1_oracle.hpp>

#include <arpa/inet.h>
#include <cstddef>
#include <cstdint>

namespace sandgate::fuzz {
namespace {

constexpr std::string_view kIdLetters = "abcdefghijklmnopqrstuvwxyz0123456789";

bool is_id(const std::string& text) { return !text.empty() && text.size() <= 63 && only(lower(text), kIdLetters); }

void check_split(std::string_view text) {
  const auto authority = routing::split_authority(text);
  check(routing::same_authority(text, text) == authority.has_value(), "what is an authority is the same as itself");
  if (!authority) return;
  check(!authority->host.empty() && !has_control(text) && text.find_first_of(" @/?#\\\t") == std::string_view::npos,
        "an authority has no other part of a URI in it");
  check(only(authority->port, "0123456789"), "a port is digits");
  const bool has_colon = text.size() > authority->host.size();
  const std::string again = std::string(authority->host) + (has_colon ? ":" : "") + std::string(authority->port);
  check(again == text, "host and port are all of it");
}

/// `<port>-<id>[-<ignored>].sandbox.test`, and nothing else.
void check_target(const std::string& text) {
  const auto target = routing::find_target(text, {}, {"sandbox.test"});
  if (!target) return;
  check(!target->by_header && !target->certificate_exempt, "without headers only a name routes");
  const std::string id(target->id.view());
  check(target->port > 0 && is_id(id) && lower(id) == id, "a port and an id");
  std::string host = lower(text.substr(0, text.find(':')));
  if (host.ends_with('.')) host.pop_back();
  const std::string expected = std::to_string(target->port) + "-" + id;
  const std::string_view domain = ".sandbox.test";
  check(host.starts_with(expected) && host.ends_with(domain), "the name says them, and a domain of ours");
  const std::string label = host.substr(0, host.size() - domain.size());
  check(label == expected || label.starts_with(expected + "-"), "in its one label");
  check(label.find('.') == std::string::npos, "which is one");
}

void check_header_target(std::string_view text) {
  const std::size_t cut = std::min(text.find(' '), text.size());
  routing::RoutingHeaders headers;
  headers.sandbox_id = text.substr(0, cut);
  headers.sandbox_port = text.substr(std::min(cut + 1, text.size()));
  headers.id_count = headers.port_count = 1;
  const auto target = routing::find_target("localhost", headers, {"sandbox.test"});
  const std::string port(headers.sandbox_port);
  const bool is_port =
      !port.empty() && port.size() <= 5 && only(port, "0123456789") && port[0] != '0' && std::stoul(port) <= 65535;
  check(target.has_value() == (is_id(std::string(headers.sandbox_id)) && is_port), "an id and a port, or nothing");
}

void check_id(const std::string& text) {
  const auto id = routing::SandboxId::parse(text);
  check(id.has_value() == is_id(text), "an id is 1 to 63 letters and digits");
  if (id) check(id->view() == lower(text), "in lower case");
}

void check_mask(std::string_view text) {
  const auto mask = routing::HostMask::compile(text);
  if (!mask) return;
  for (const int number : {1, 8080, 65535}) {
    const auto port = static_cast<std::uint16_t>(number);
    std::string host;
    mask->append_to(host, port);
    check(routing::split_authority(host).has_value(), "a filled mask is an authority");
    check(host.size() <= routing::HostMask::kMaxBytes, "and not too long");
    check(only(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=%:[]"),
          "of its bytes");
  }
}

void check_quantities(std::string_view text) {
  if (const auto bytes = config::parse_bytes(text)) {
    check(config::parse_bytes(config::to_string(*bytes)) == bytes, "a size reads as it is written");
    check(text == "0" || !only(text, "0123456789"), "a number has its unit");
  }
  if (const auto duration = config::parse_duration(text)) {
    check(config::parse_duration(config::to_string(*duration)) == duration, "a duration reads as it is written");
    check(duration->count() >= 0, "and is none that has passed");
  }
}

void check_addresses(const std::string& text) {
  if (const auto address = config::IpAddress::parse(text)) {
    std::array<std::uint8_t, 16> room{};
    const int family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
    check(inet_pton(family, text.c_str(), room.data()) == 1, "the system takes it for an address too");
    check(config::IpAddress::parse(address->to_string()) == address, "an address reads as it is written");
  }
  if (const auto range = config::IpRange::parse(text)) {
    check(config::IpRange::parse(range->to_string()) == range && range->lies_within(*range), "so does a range");
  }
  const auto endpoint = config::Endpoint::parse(text);
  if (endpoint) check(config::Endpoint::parse(endpoint->to_string()) == endpoint, "and an endpoint");
}

void check_redis_url(std::string_view text) {
  const auto parsed = config::parse_redis_url(text);
  const auto* url = std::get_if<config::RedisUrl>(&parsed);
  if (url != nullptr) check(url->host.empty() != url->unix_path.empty(), "a server is at a host or at a path");
  if (url == nullptr) check(!std::get<std::string>(parsed).empty(), "or it is said what must be there");
}

void check_time(std::string_view text) {
  if (!routing::parse_rfc3339(text)) return;
  check(text.size() >= 20 && only(text, "0123456789-:.+TtZz "), "a time has its shape");
  check(only(text.substr(0, 4), "0123456789") && text[4] == '-' && text[7] == '-' && text[13] == ':', "year to minute");
}

void check_path(std::string_view text) {
  const std::string path = "/" + routing::clean_path(text).substr(1) + "/";
  for (const std::string_view hidden : {"//", "/./", "/../"}) {
    check(path == "//" || path.find(hidden) == std::string::npos, "no segment hides what follows it");
  }
}

void check_loop(const std::string& text) {
  const std::string appended = text + ", sandgate";
  check(proxy::http::count_passes(appended, "sandgate") >= 1, "nothing in front hides what the edge appended");
  check(proxy::http::count_passes(appended, "sandgate") <= appended.size() / 8, "and nothing is counted twice");
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::size_t kKinds = 11;
  switch (data[0] % kKinds) {
    case 0:
      check_split(text);
      break;
    case 1:
      check_target(text);
      break;
    case 2:
      check_header_target(text);
      break;
    case 3:
      check_id(text);
      break;
    case 4:
      check_mask(text);
      break;
    case 5:
      check_quantities(text);
      break;
    case 6:
      check_addresses(text);
      break;
    case 7:
      check_redis_url(text);
      break;
    case 8:
      check_time(text);
      break;
    case 9:
      check_path(text);
      break;
    default:
      check_loop(text);
  }
  return 0;
}

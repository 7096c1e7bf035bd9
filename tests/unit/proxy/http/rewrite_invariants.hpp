// rewrite_invariants: what holds for every head whatever was sent, checked with none of the code under test's tables.
//
// An input is one byte of circumstances and then lines of `name:value`, as a head would have them after parsing. The
// checks give the first broken invariant as a sentence, or nothing. Used with random heads and by the fuzzer.
#pragma once

#include <proxy/http/rewrite.hpp>
#include <tests/unit/proxy/http/rewrite_fixture.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::http::testing {

inline std::string folded_name(std::string_view name) {
  std::string folded;
  for (const char c : name) folded += c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return folded;
}

inline std::vector<std::string_view> split_text(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

inline std::string_view trim_space(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// The lines of an input that could be field lines of a parsed head.
inline void add_fields(std::string_view input, Fields& fields) {
  for (const std::string_view line : split_text(input, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) continue;
    const std::string_view value = trim_space(line.substr(colon + 1));
    const auto is_control = [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f; };
    if (std::none_of(value.begin(), value.end(), is_control)) fields.add(line.substr(0, colon), value);
  }
}

/// Names a Connection field lists, as long as there are few enough for all of them to count.
inline std::set<std::string> names_in_connection(const Fields& fields) {
  std::set<std::string> names;
  for (const Field& field : fields) {
    if (!equal_ignoring_case(field.name, "connection")) continue;
    for (const std::string_view name : split_text(field.value, ',')) {
      std::string lower(trim_space(name));
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
      names.insert(lower);
    }
  }
  if (names.size() > 32) names.clear();
  return names;
}

inline bool is_hop_by_hop_name(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"connection",     "keep-alive",          "proxy-connection",
                                                      "upgrade",        "proxy-authorization", "transfer-encoding",
                                                      "http2-settings", "proxy-authenticate"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](std::string_view hop) { return equal_ignoring_case(name, hop); });
}

inline std::string check_text(const Fields& fields) {
  for (const Field& field : fields) {
    for (const std::string_view text : {field.name, field.value}) {
      if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return "a line is broken";
    }
  }
  return "";
}

inline std::string check_own_fields(const Exchange& exchange) {
  const Fields& fields = exchange.to_sandbox.fields;
  const auto count = [&fields](std::string_view name) {
    return std::count_if(fields.begin(), fields.end(), [name](const Field& f) { return folded_name(f.name) == name; });
  };
  for (const std::string_view name : {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port",
                                      "x-real-ip", "cdn-loop", "x-request-id"}) {
    if (count(name) != 1) return "not exactly one " + std::string(name);
  }
  if (count("te") > 1 || (count("te") == 1 && fields.value("te") != "trailers")) return "TE is more than trailers";
  if (count("expect") > 1 || count("content-length") > 1) return "expectation or length said twice";
  if (count("content-length") == 1 && fields.value("content-length") != "0") return "a length beside the framing";
  if (!fields.value("x-forwarded-for").ends_with(exchange.scene.client_address)) return "the client's address is lost";
  if (!fields.value("cdn-loop").ends_with(exchange.scene.edge_id)) return "the edge's mark is lost";
  if (fields.value("x-real-ip") != exchange.scene.client_address) return "the client's address is forged";
  return "";
}

inline std::string check_passed_fields(const Exchange& exchange) {
  const std::set<std::string> named = names_in_connection(exchange.request.fields);
  const std::set<std::string> immune = {"expect",           "te",          "content-length",   "x-forwarded-for",
                                        "x-forwarded-host", "x-real-ip",   "x-forwarded-port", "x-forwarded-proto",
                                        "cdn-loop",         "x-request-id"};
  for (const Field& field : exchange.to_sandbox.fields) {
    const std::string name = folded_name(field.name);
    if (is_hop_by_hop_name(field.name) || equal_ignoring_case(field.name, "host")) return "a hop-by-hop field passed";
    if (name == "content-length" && field.name.find('_') != std::string_view::npos) return "a twin of framing passed";
    if (name == "transfer-encoding") return "a twin of framing passed";
    if (exchange.scene.via_node) continue;  // Token and routing headers are the node's; so may be what it names.
    if (name == exchange.scene.token_header) return "the token passed";
    if (name == "e2b-sandbox-id" || name == "e2b-sandbox-port") return "a routing header passed";
    const bool is_family = name.starts_with("x-forwarded-");
    const bool is_edges_own = immune.count(name) != 0;
    if (!exchange.scene.is_trusted_proxy && is_family && !is_edges_own) return "a forged field passed";
    if (is_family || is_edges_own || field.name.find('_') != std::string_view::npos) continue;
    if (named.count(name) != 0) return "a field named in Connection passed";
  }
  return "";
}

inline void set_circumstances(unsigned char bits, Exchange& exchange) {
  exchange.scene.is_tls = (bits & 1) != 0;
  exchange.scene.is_trusted_proxy = (bits & 2) != 0;
  exchange.scene.via_node = (bits & 4) != 0;
  if ((bits & 8) != 0) exchange.mask_host("localhost:${PORT}");
  if ((bits & 16) != 0) exchange.request.method = "HEAD";
  if ((bits & 32) != 0) exchange.request.body = {BodyLength::Kind::length, 5};
  exchange.request.expects_continue = (bits & 64) != 0;
}

inline std::string check_request(std::string_view input) {
  if (input.empty()) return "";
  Exchange exchange;
  set_circumstances(static_cast<unsigned char>(input.front()), exchange);
  add_fields(input.substr(1), exchange.request.fields);
  if (!exchange.rewrite()) return "";
  for (const auto& check : {check_own_fields, check_passed_fields}) {
    if (const std::string broken = check(exchange); !broken.empty()) return broken;
  }
  return check_text(exchange.to_sandbox.fields);
}

inline bool has_foreign_domain(std::string_view cookie) {
  const std::vector<std::string_view> parts = split_text(cookie, ';');
  return std::any_of(parts.begin() + 1, parts.end(), [](std::string_view part) {
    const std::vector<std::string_view> sides = split_text(part, '=');
    if (!equal_ignoring_case(trim_space(sides[0]), "domain")) return false;
    const std::string_view domain = trim_space(part.substr(std::min(sides[0].size() + 1, part.size())));
    return !equal_ignoring_case(domain, kAuthority) && !equal_ignoring_case(domain, "." + std::string(kAuthority));
  });
}

inline std::string check_response(std::string_view input) {
  if (input.empty()) return "";
  Exchange exchange;
  set_circumstances(static_cast<unsigned char>(input.front()), exchange);
  add_fields(input.substr(1), exchange.response.fields);
  rewrite_response(exchange.response, exchange.request, exchange.scene, &exchange.memory, exchange.to_client);
  const Fields& fields = exchange.to_client.fields;
  if (fields.count("x-request-id") != 1) return "not exactly one x-request-id";
  if (fields.count("content-length") > 1) return "two lengths";
  for (const Field& field : fields) {
    if (is_hop_by_hop_name(field.name) || equal_ignoring_case(field.name, "te")) return "a hop-by-hop field passed";
    if (equal_ignoring_case(field.name, "alt-svc")) return "Alt-Svc passed";
    if (equal_ignoring_case(field.name.substr(0, 11), "x-sandgate-")) return "the edge's own name passed";
    if (equal_ignoring_case(field.name, "set-cookie") && has_foreign_domain(field.value)) return "a wide cookie passed";
  }
  return check_text(fields);
}

}  // namespace sandgate::proxy::http::testing

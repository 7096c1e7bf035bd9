// rewrite_fixture: a request or a response to rewrite in one line, and its fields in one string to compare.
#pragma once

#include <proxy/http/arena_text.hpp>
#include <proxy/http/rewrite.hpp>

#include <initializer_list>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::proxy::http::testing {

inline constexpr std::string_view kAuthority = "8080-abc.sandbox.test";
inline constexpr std::string_view kTokenHeader = "e2b-traffic-access-token";

/// "name: value" lines, in order.
inline std::string lines_of(const Fields& fields) {
  std::string lines;
  for (const Field& field : fields) lines.append(field.name).append(": ").append(field.value).append("\n");
  return lines;
}

/// All values of a field, joined by " | "; "-" when there is none.
inline std::string values_of(const Fields& fields, std::string_view name) {
  std::string values;
  for (const Field& field : fields) {
    if (equal_ignoring_case(field.name, name)) values.append(values.empty() ? "" : " | ").append(field.value);
  }
  return fields.find(name) ? values : "-";
}

/// One exchange: change `request`, `response` and `scene`, then rewrite.
struct Exchange {
  Exchange() : request(&memory), response(&memory), to_sandbox(&memory), to_client(&memory) {
    request.method = "GET";
    request.target = "/";
    request.authority = kAuthority;
    response.status = 200;
    scene.edge_id = "sandgate";
    scene.token_header = kTokenHeader;
    scene.client_address = "203.0.113.7";
    scene.listener_port = 8443;
    scene.is_tls = true;
    scene.sandbox_port = 8080;
    scene.request_id = "made-by-the-edge";
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  explicit Exchange(std::initializer_list<Field> fields) : Exchange() {
    // Copied, so that a test may hand over temporaries.
    for (const auto& [name, value] : fields) request.fields.add(concat(&memory, {name}), concat(&memory, {value}));
  }

  void mask_host(std::string_view text) {
    mask = routing::HostMask::compile(text);
    scene.mask = &mask.value();
  }

  Result<void> rewrite() { return rewrite_request(request, scene, &memory, to_sandbox); }

  /// What the sandbox sees under `name`.
  std::string sent(std::string_view name) {
    if (to_sandbox.method.empty()) rewrite().value();
    return values_of(to_sandbox.fields, name);
  }

  /// Everything the sandbox sees but the edge's own fields, which are the last.
  std::string passed() {
    rewrite().value();
    const std::string lines = lines_of(to_sandbox.fields);
    return lines.substr(0, lines.rfind("X-Forwarded-For: "));
  }

  /// What the client sees when the sandbox answers with one field.
  std::string answered(std::string_view name, std::string_view value) {
    response.fields.add(name, value);
    rewrite_response(response, request, scene, &memory, to_client);
    return values_of(to_client.fields, name);
  }

  std::pmr::monotonic_buffer_resource memory;
  std::optional<routing::HostMask> mask;
  RequestHead request;
  ResponseHead response;
  RequestHead to_sandbox;
  ResponseHead to_client;
  Scene scene;
};

}  // namespace sandgate::proxy::http::testing

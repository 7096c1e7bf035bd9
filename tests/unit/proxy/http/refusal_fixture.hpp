// refusal_fixture: a refusal made for a request that is given in one line.
#pragma once

#include <proxy/http/arena_text.hpp>
#include <proxy/http/refusal.hpp>

#include <initializer_list>
#include <memory_resource>
#include <string>
#include <string_view>

namespace sandgate::proxy::http::testing {

inline constexpr std::string_view kChrome =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/58.0.3029.110 "
    "Safari/537.3";

struct Refused {
  explicit Refused(std::initializer_list<Field> fields = {}) : request(&memory), refusal(&memory) {
    request.method = "GET";
    request.target = "/";
    // Copied, so that a test may hand over temporaries.
    for (const auto& [name, value] : fields) request.fields.add(concat(&memory, {name}), concat(&memory, {value}));
    scene.request = &request;
    scene.sandbox_id = "abc";
    scene.port = 8080;
    scene.limit = 12;
    scene.request_id = "id-1";
    scene.token_header = "e2b-traffic-access-token";
  }
  Refused(const Refused&) = delete;
  Refused& operator=(const Refused&) = delete;

  Refused& with(Failure failure) {
    refuse(failure, scene, &memory, refusal);
    return *this;
  }
  std::string body() const { return std::string(refusal.body); }
  std::string field(std::string_view name) const {
    return refusal.head.fields.find(name) ? std::string(refusal.head.fields.value(name)) : "-";
  }

  std::pmr::monotonic_buffer_resource memory;
  RequestHead request;
  RefusalScene scene;
  Refusal refusal;
};

}  // namespace sandgate::proxy::http::testing

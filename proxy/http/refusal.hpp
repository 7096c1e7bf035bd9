// refusal: the edge's own answers: one sentence of text, JSON, an HTML page, or a gRPC status (contract 6).
//
// Which one is decided by the request's fields alone. Nothing of the request is echoed except what was parsed into a
// closed form (sandbox id, port, a cleaned path, the Origin in its own header), and all of that is escaped.
#pragma once

#include <proxy/base/failure.hpp>
#include <proxy/http/head.hpp>

#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>

namespace sandgate::proxy::http {

struct RefusalScene {
  const RequestHead* request = nullptr;  ///< Null when no head was understood.
  std::string_view sandbox_id;
  std::uint16_t port = 0;
  std::int64_t limit = 0;  ///< connectionLimit.
  std::string_view path;   ///< agent_route_reserved: the cleaned path.
  std::string_view text;   ///< bad_authority: its exact text; empty: the table's.
  std::string_view request_id;
  std::string_view token_header;
};

struct Refusal {
  explicit Refusal(std::pmr::memory_resource* memory) : head(memory), body(memory) {}
  /// Status and fields, Content-Type and the like included; framing is head.body, and keep_alive is false where the
  /// connection ends after the answer.
  ResponseHead head;
  std::pmr::string body;  ///< Empty for HEAD (head.body still gives the length it would have had) and for gRPC.
};

enum class RefusalFormat : std::uint8_t { text, json, html, grpc };
RefusalFormat choose_format(Failure failure, const RequestHead* request);

/// Only for failures whose row has a body.
void refuse(Failure failure, const RefusalScene& scene, std::pmr::memory_resource* memory, Refusal& refusal);

/// grpc-status for an HTTP status (contract 6).
int grpc_status(std::uint16_t http_status);

}  // namespace sandgate::proxy::http

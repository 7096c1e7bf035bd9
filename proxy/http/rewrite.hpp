// rewrite: what the sandbox sees of a request, and the client of a response (contract 4 and 5).
//
// The order is the point: the client's Connection list is applied to the client's fields first, then what no client may
// say is dropped, then the edge's own fields are added, so nothing a client sends can remove or forge them.
// Pure; new text is made in `memory` (the exchange's arena) and lives as long as it.
#pragma once

#include <proxy/base/failure.hpp>
#include <proxy/http/head.hpp>
#include <routing/host_mask.hpp>

#include <cstdint>
#include <memory_resource>
#include <string_view>

namespace sandgate::proxy::http {

/// What rewriting needs to know besides the head. One per exchange; used for both directions.
struct Scene {
  std::string_view edge_id;         ///< Name in CDN-Loop.
  std::string_view token_header;    ///< Lower case.
  std::string_view client_address;  ///< Text: the PROXY protocol's, else the socket's.
  std::uint16_t listener_port = 0;
  bool is_tls = false;  ///< The client used https.
  /// Its X-Forwarded-* are believed: For is appended to, the others kept where given once. Nothing else it says is.
  bool is_trusted_proxy = false;
  std::uint16_t sandbox_port = 0;
  const routing::HostMask* mask = nullptr;  ///< Null: none, or an exempt port.
  bool via_node = false;                    ///< Node mode: token and routing headers are kept, no mask.
  std::string_view node_host;               ///< Node mode, header-routed: the Host the node must see. Else empty.
  std::string_view request_id;              ///< Decided by `choose_request_id`.
};

/// Fills `to` from `from`: fields, `authority` (the Host to send), `upgrade`, `body`, method, target and the version the
/// client speaks. Host, framing, Connection and Upgrade are not in `to.fields`: the writer of the protocol makes them
/// from those members. TE is in the fields when the client said `trailers`, Expect when `expects_continue`, and a
/// Content-Length of 0 when the client said so and there is no body. `keep_alive` is left alone: it is about the
/// client's connection. Fails with loop_detected.
Result<void> rewrite_request(const RequestHead& from, const Scene& scene, std::pmr::memory_resource* memory,
                             RequestHead& to);

/// Fills `to` from what the sandbox answered (1xx included). `request` is the client's, as received. Framing,
/// Connection and Upgrade are left to the writer, as above, but for the Content-Length that answers HEAD or stands in a
/// 304; `keep_alive` is left alone. A Date is not added (the sandbox's business), and a 1xx gets no x-request-id.
void rewrite_response(const ResponseHead& from, const RequestHead& request, const Scene& scene,
                      std::pmr::memory_resource* memory, ResponseHead& to);

/// A field that request trailers may not carry: framing, routing, authentication, the edge's own (contract 5: 400).
bool is_forbidden_trailer(std::string_view name, std::string_view token_header);
/// Response trailers as the client may see them: forbidden and hop-by-hop names dropped.
void rewrite_response_trailers(const Fields& from, std::string_view token_header, Fields& to);

/// The client's x-request-id when it is sane (1 to 128 visible ASCII bytes, given once), else 32 hex digits made from
/// `random` (128 bits). The text lives in `memory` or in the head.
struct RandomBits {
  std::uint64_t high;
  std::uint64_t low;
};
std::string_view choose_request_id(const RequestHead& head, RandomBits random, std::pmr::memory_resource* memory);

}  // namespace sandgate::proxy::http

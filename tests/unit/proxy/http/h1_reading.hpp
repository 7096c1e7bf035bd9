// h1_reading: how the tables of this folder read a message: as a connection would, and cut at every byte.
#pragma once

#include <proxy/http/h1_head.hpp>

#include <string>
#include <string_view>

namespace sandgate::proxy::http::testing {

inline constexpr HeadLimits kLimits{64 * 1024, 128, 16 * 1024};

/// A head with a valid Host, `start_line` without its CRLF, and `fields` as raw lines.
std::string request(std::string_view start_line, std::string_view fields = {});
/// A status line without its CRLF, and raw field lines.
std::string response(std::string_view status_line, std::string_view fields = {});

/// find_head_end on all of `bytes`; fails the test when any way of cutting them gives another answer.
HeadEnd find_in_every_cut(std::string_view bytes);

/// "ok", "incomplete", or the label of the failure, from the head at the beginning of `bytes`.
std::string read_request(std::string_view bytes, RequestHead& head, const HeadLimits& limits = kLimits);
std::string read_response(std::string_view bytes, const ResponseContext& context, ResponseHead& head,
                          const HeadLimits& limits = kLimits);

/// "none", "length 5", "chunked", "until_end".
std::string describe(BodyLength body);
/// "Name: value|Name: value"
std::string describe(const Fields& fields);

}  // namespace sandgate::proxy::http::testing

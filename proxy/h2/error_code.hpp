// error_code: why a stream or a connection ends, as HTTP/2 says it (RFC 9113 7).
#pragma once

#include <cstdint>

namespace sandgate::proxy::h2 {

enum class ErrorCode : std::uint32_t {
  no_error = 0x0,
  protocol_error = 0x1,
  internal_error = 0x2,
  flow_control_error = 0x3,
  stream_closed = 0x5,
  frame_size_error = 0x6,
  refused_stream = 0x7,
  cancel = 0x8,
  connect_error = 0xa,
  enhance_your_calm = 0xb,
};

}  // namespace sandgate::proxy::h2

// linger: closing a connection so that the peer gets what was sent to it last.
//
// A socket that is closed with unread bytes answers with a reset, and the reset may destroy an answer the peer has not
// read yet (RFC 9112 9.6; hardening H1-ERR). So our side is ended first, and what still comes is read away: for two
// seconds or 64 KiB at most.
#pragma once

#include <proxy/base/buffer_pool.hpp>
#include <proxy/base/task.hpp>
#include <proxy/net/transport.hpp>

namespace sandgate::proxy::net {

Task<void> linger(Transport& transport, BufferPool& buffers);

}  // namespace sandgate::proxy::net

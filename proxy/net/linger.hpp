// linger: closing a connection so that the peer gets what was sent to it last.
//
// A socket that is closed with unread bytes, or that gets more afterwards, answers with a reset, and the reset destroys
// what the peer has not read yet (RFC 9112 9.6; hardening H1-ERR). A peer that is still being sent to has always more to
// say in HTTP/2: its credit. So our side is ended first, and what still comes is read away until the peer ends its own:
// for `round` or 64 KiB, and that again as long as it took some of what was sent meanwhile.
#pragma once

#include <proxy/base/buffer_pool.hpp>
#include <proxy/base/task.hpp>
#include <proxy/net/transport.hpp>

#include <chrono>

namespace sandgate::proxy::net {

Task<void> linger(Transport& transport, BufferPool& buffers, std::chrono::milliseconds round);

}  // namespace sandgate::proxy::net

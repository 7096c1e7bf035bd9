#include <proxy/net/linger.hpp>

#include <cstddef>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <utility>

namespace sandgate::proxy::net {
namespace {

constexpr std::size_t kMostRead = 64 * 1024;

/// Bytes that were written and the peer's kernel has not confirmed yet; our FIN counts as one.
int unacknowledged(const Transport& transport) {
  int bytes = 0;
  return ::ioctl(transport.socket(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

/// False when the peer has ended its side, or is gone.
Task<bool> read_away(Transport& transport, BufferPool& buffers, TimePoint until) {
  for (std::size_t discarded = 0; discarded < kMostRead;) {
    const Io waited = co_await transport.wait_readable(until);
    if (waited != Io::ok) co_return waited == Io::timed_out;
    Buffer sink = buffers.lease();  // Not while nothing comes.
    const IoSize got = co_await transport.read(sink.room(), sink.room_size(), until);
    if (got.status != Io::ok) co_return got.status == Io::timed_out;
    discarded += got.size;
  }
  co_return true;
}

}  // namespace

Task<void> linger(Transport& transport, BufferPool& buffers, std::chrono::milliseconds round) {
  transport.finish_writing();
  bool goes_on = true;
  for (int owed = unacknowledged(transport); goes_on;) {
    goes_on = co_await read_away(transport, buffers, transport.loop().now() + round);
    const int before = std::exchange(owed, unacknowledged(transport));
    goes_on = goes_on && owed > 0 && owed < before;
  }
}

}  // namespace sandgate::proxy::net

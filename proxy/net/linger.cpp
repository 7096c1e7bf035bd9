#include <proxy/net/linger.hpp>

#include <chrono>
#include <cstddef>

namespace sandgate::proxy::net {

Task<void> linger(Transport& transport, BufferPool& buffers) {
  constexpr std::size_t kMost = 64 * 1024;
  constexpr std::chrono::seconds kLongest{2};
  transport.finish_writing();
  const TimePoint deadline = transport.loop().now() + kLongest;
  Buffer sink = buffers.lease();
  for (std::size_t discarded = 0; discarded < kMost;) {
    const IoSize got = co_await transport.read(sink.room(), sink.room_size(), deadline);
    if (got.status != Io::ok) co_return;
    discarded += got.size;
  }
}

}  // namespace sandgate::proxy::net

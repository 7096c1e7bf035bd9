#include <proxy/h2/stream.hpp>

#include <catch2/catch.hpp>

#include <malloc.h>
#include <string>

namespace sandgate::proxy::h2 {

TEST_CASE("received bytes: come out as they went in, in however many pieces", "[h2]") {
  BufferPool buffers;
  ReceivedBytes received(buffers);
  std::string in;
  for (int i = 0; i < 50'000; ++i) in += static_cast<char>('a' + i % 26);
  std::string out;
  for (std::size_t at = 0; at < in.size(); at += 700) {
    received.append(std::string_view(in).substr(at, 700));
    if (at % 3 == 0) continue;
    const std::string_view front = received.front().substr(0, 900);
    out += front;
    received.drop(front.size());
  }
  while (!received.empty()) {
    out += received.front();
    received.drop(received.front().size());
  }
  CHECK(out == in);
  CHECK(buffers.leased_bytes() == 0);
}

// A sanitizer keeps its memory elsewhere; the figure says something without one.
TEST_CASE("received bytes: a reader that is always behind makes them hold no more than what waits", "[h2]") {
  BufferPool buffers;
  ReceivedBytes received(buffers);
  const std::string block(BufferPool::kBlockBytes, 'x');
  received.append(block);
  received.append(block);
  const auto before = mallinfo2().uordblks;
  for (int i = 0; i < 20'000; ++i) {
    received.append(block);
    received.drop(block.size());
  }
  CHECK(mallinfo2().uordblks < before + 64 * 1024);
}

}  // namespace sandgate::proxy::h2

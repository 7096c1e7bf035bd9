#include <tests/unit/proxy/h2/codec_fixture.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::h2 {
namespace {

using namespace tests;
using std::chrono::seconds;

constexpr std::uint32_t kStreamWindow = 64 * 1024;
constexpr std::uint32_t kConnectionWindow = 128 * 1024;
constexpr std::size_t kHalf = kStreamWindow / 2;

Codec::Setting small_windows() {
  Codec::Setting setting = H2Peer::setting(Codec::Role::server);
  setting.stream_window = kStreamWindow;
  setting.connection_window = kConnectionWindow;
  setting.most_window = kConnectionWindow;
  return setting;
}

std::string some_data(std::uint32_t id, std::size_t bytes) {
  std::string frames;
  for (; bytes > 0; bytes -= std::min<std::size_t>(bytes, 16384)) {
    frames += data(id, std::string(std::min<std::size_t>(bytes, 16384), 'x'));
  }
  return frames;
}

/// All credit that was given: on the stream (or 0 for the connection).
std::size_t credit(const std::vector<Frame>& frames, std::uint32_t stream) {
  std::size_t all = 0;
  for (const Frame& frame : only(frames, FrameType::window_update)) {
    if (frame.stream == stream) all += read_number(frame.payload);
  }
  return all;
}

}  // namespace

TEST_CASE("codec: credit goes back when bytes were passed on, not when they came", "[h2]") {
  Served server(small_windows());
  server.receive(headers(1, post(), kEndHeaders) + some_data(1, kStreamWindow));
  CHECK(server.stream(1).received.size() == kStreamWindow);
  CHECK(server.peer.produce().empty());
  Window window = server.codec().make_stream_window();
  server.codec().consume(1, window, kHalf, false, server.peer.now);
  server.codec().consume(1, window, kHalf, false, server.peer.now + seconds(1));
  const auto frames = server.peer.frames();
  CHECK(credit(frames, 1) == kStreamWindow);
  CHECK(credit(frames, 0) == kStreamWindow);
}

TEST_CASE("codec: a peer that sends beyond its credit is cut off", "[h2]") {
  Served server(small_windows());
  SECTION("on a stream") {
    server.receive(headers(1, post(), kEndHeaders) + some_data(1, kStreamWindow));
    server.receive(data(1, std::string(100, 'x')) + data(1, std::string(100, 'x')));
    CHECK(server.stream(1).received.size() <= kStreamWindow + 100);  // The frame that went beyond, and no more.
    CHECK(written(server.peer) == Log{"RST_STREAM 1 3"});
    CHECK(server.stream(1).over == ErrorCode::flow_control_error);
  }
  SECTION("on the connection") {
    for (const std::uint32_t id : {1, 3, 5}) server.receive(headers(id, post(), kEndHeaders));
    for (const std::uint32_t id : {1, 3, 5}) server.receive(some_data(id, kStreamWindow));
    const std::size_t arrived =
        server.stream(1).received.size() + server.stream(3).received.size() + server.stream(5).received.size();
    CHECK(arrived <= kConnectionWindow);
    CHECK(written(server.peer).back() == "GOAWAY 5 3");
  }
}

TEST_CASE("codec: windows smaller than 64 KiB are kept to although the client began before it knew them", "[h2]") {
  Codec::Setting setting = small_windows();
  setting.stream_window = 8 * 1024;
  H2Peer server(setting);
  server.receive(std::string(kPreface) + settings() + headers(1, post(), kEndHeaders) + some_data(1, 20'000));
  Window window = server.codec.make_stream_window();
  server.codec.consume(1, window, 20'000, true, server.now);
  server.receive(settings_ack());
  const auto frames = server.frames();
  CHECK(credit(frames, 1) == 20'000);  // From 8 KiB - 20 000 up to 8 KiB.
}

TEST_CASE("codec: padding costs the peer nothing for long, it is nobody's to pass on", "[h2]") {
  Served server(small_windows());
  server.receive(headers(1, post(), kEndHeaders));
  std::vector<Frame> frames;
  for (int i = 0; i < 1000; ++i) {
    server.receive(padded_data(1, "x", 255));
    for (const Frame& frame : server.peer.frames()) frames.push_back(frame);
  }
  CHECK(server.stream(1).received.size() == 1000);
  CHECK(credit(frames, 1) > 1000 * 256 - kStreamWindow);
  CHECK(credit(frames, 1) <= 1000 * 256);
  CHECK(credit(frames, 0) <= 1000 * 256);
}

TEST_CASE("codec: of a stream that is over the connection's credit comes back, once", "[h2]") {
  Served server(small_windows());
  server.receive(headers(1, post(), kEndHeaders) + some_data(1, kStreamWindow));
  SECTION("reset by the peer") { server.receive(rst_stream(1, 8)); }
  SECTION("reset by us") { server.codec().reset(1, ErrorCode::cancel); }
  CHECK(credit(server.peer.frames(), 0) == 0);
  Window window = server.codec().make_stream_window();
  server.codec().consume(1, window, kHalf, false, server.peer.now);
  server.codec().discard_unread(kHalf);
  server.peer.drop(1);
  const auto frames = server.peer.frames();
  CHECK(credit(frames, 0) == kStreamWindow);
  CHECK(credit(frames, 1) == 0);
}

TEST_CASE("codec: bytes of a stream nobody owns are credited as they come", "[h2]") {
  Served server(small_windows());
  server.receive(headers(1, post(), kEndHeaders));
  SECTION("forgotten") { server.peer.drop(1); }
  SECTION("reset and forgotten") {
    server.codec().reset(1, ErrorCode::cancel);
    server.peer.drop(1);
  }
  SECTION("reset, said and forgotten") {
    server.codec().reset(1, ErrorCode::cancel);
    server.peer.produce();
    server.peer.drop(1);
  }
  server.receive(some_data(1, kStreamWindow));
  CHECK(credit(server.peer.frames(), 0) == kStreamWindow);
}

TEST_CASE("codec: a connection whose credit is given back at once is not held up by a stream nobody reads", "[h2]") {
  Codec::Setting setting = small_windows();
  setting.credits_connection_at_once = true;
  Served server(setting);
  std::vector<Frame> frames;
  for (std::uint32_t id = 1; id < 20; id += 2) {
    server.receive(headers(id, post(), kEndHeaders) + some_data(id, kStreamWindow));
    for (const Frame& frame : server.peer.frames()) frames.push_back(frame);
  }
  CHECK(server.codec().wants_input());
  CHECK(credit(frames, 0) == 10 * kStreamWindow);
  CHECK(credit(frames, 1) == 0);
  // And not once more when they are read, or given up.
  Window window = server.codec().make_stream_window();
  server.codec().consume(1, window, kStreamWindow, false, server.peer.now);
  server.codec().discard_unread(kStreamWindow);
  const auto after = server.peer.frames();
  CHECK(credit(after, 0) == 0);
  CHECK(credit(after, 1) == kStreamWindow);
}

TEST_CASE("codec: a window that is the brake grows, the stream's and the connection's", "[h2]") {
  Served server(small_windows());
  server.receive(headers(1, post(), kEndHeaders) + some_data(1, kStreamWindow));
  Window window = server.codec().make_stream_window();
  server.codec().consume(1, window, kStreamWindow, true, server.peer.now);
  CHECK(window.size() == 2 * kStreamWindow);
  CHECK(credit(server.peer.frames(), 1) == 2 * kStreamWindow);
  server.receive(some_data(1, 2 * kStreamWindow));
  CHECK(server.stream(1).received.size() == 3 * kStreamWindow);
  CHECK(server.codec().wants_input());
}

TEST_CASE("codec: credit for a stream that never was does no harm", "[h2]") {
  Served server(small_windows());
  Window window = server.codec().make_stream_window();
  server.codec().consume(7, window, 0, true, server.peer.now);
  server.codec().resume(7);
  server.codec().reset(7, ErrorCode::cancel);
  server.codec().forget(7);
  server.codec().respond(7, response_head(200), true);
  server.peer.produce();
  CHECK(server.codec().wants_input());
}

}  // namespace sandgate::proxy::h2

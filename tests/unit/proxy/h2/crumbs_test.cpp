#include <proxy/h2/crumbs.hpp>
#include <tests/unit/proxy/h2/codec_fixture.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::h2 {
namespace {

using namespace tests;

constexpr std::size_t kWindow = 65'535;
constexpr std::size_t kBody = 1'000'000;
constexpr std::uint32_t kSettingsWindow = 4;
using Streams = std::vector<std::int32_t>;

/// A response of kBody bytes to stream 1, of which the client's window has let as much through as it does.
class Begun : public Served {
 public:
  explicit Begun(const std::string& client_settings = settings())
      : Served(H2Peer::setting(Codec::Role::server), client_settings) {
    receive(headers(1, get()));
    codec().respond(1, response_head(200, kOpenEnded), false);
    stream(1).say(std::string(kBody, 'x'), true);
    codec().resume(1);
  }
};

std::vector<std::size_t> sizes_of_data(H2Peer& peer) {
  std::vector<std::size_t> sizes;
  for (const Frame& one : only(peer.frames(), FrameType::data)) sizes.push_back(one.payload.size());
  return sizes;
}

std::string credit(std::uint32_t bytes) { return window_update(0, bytes) + window_update(1, bytes); }

}  // namespace

TEST_CASE("crumbs: what is worth a frame, half of a window, or all there is, is sent", "[h2]") {
  Crumbs crumbs;
  for (int i = 0; i < 3; ++i) {
    CHECK(crumbs.lets_send(1, Crumbs::kWorthAFrame, kBody, kWindow));
    CHECK(crumbs.lets_send(1, 7, 7, kWindow));
    CHECK(crumbs.lets_send(1, 50, kBody, 100));
    CHECK(crumbs.lets_send(1, 1, kBody, 1));
  }
  CHECK_FALSE(crumbs.holds_any());
}

TEST_CASE("crumbs: one crumb is sent, the next waits for more credit or for patience to end", "[h2]") {
  Crumbs crumbs;
  CHECK(crumbs.lets_send(1, 35, kBody, kWindow));
  CHECK_FALSE(crumbs.holds_any());
  CHECK_FALSE(crumbs.lets_send(1, 35, kBody, kWindow));
  CHECK(crumbs.lets_send(3, 35, kBody, kWindow));  // Each stream has its own.
  CHECK(crumbs.take_held() == Streams{1});
  CHECK(crumbs.take_held().empty());
  CHECK_FALSE(crumbs.lets_send(1, Crumbs::kWorthAFrame - 1, kBody, kWindow));
  SECTION("more credit") {
    CHECK(crumbs.take_held() == Streams{1});
    CHECK(crumbs.lets_send(1, Crumbs::kWorthAFrame, kBody, kWindow));
    CHECK_FALSE(crumbs.lets_send(1, 35, kBody, kWindow));
  }
  SECTION("credit in plenty") {
    CHECK(crumbs.lets_send(1, Crumbs::kFullFrame, kBody, kWindow));
    CHECK(crumbs.lets_send(1, 35, kBody, kWindow));
  }
  SECTION("the end of patience") {
    CHECK(crumbs.release() == Streams{1});
    CHECK(crumbs.lets_send(1, 35, kBody, kWindow));
    CHECK_FALSE(crumbs.lets_send(1, 35, kBody, kWindow));
  }
  SECTION("the end of the stream") {
    crumbs.forget(1);
    CHECK_FALSE(crumbs.holds_any());
    CHECK(crumbs.release().empty());
  }
}

TEST_CASE("codec: a client that gives back a little at a time is not sent crumbs", "[h2]") {
  Begun server;
  std::size_t sent = 0;
  for (const std::size_t size : sizes_of_data(server.peer)) sent += size;
  CHECK(sent == kWindow);  // To the last byte: it may wait for it.
  std::vector<std::size_t> sizes;
  for (std::size_t given = 0; given < 100'000; given += 350) {
    server.receive(credit(350));
    for (const std::size_t size : sizes_of_data(server.peer)) sizes.push_back(size);
  }
  CHECK(std::all_of(sizes.begin(), sizes.end(), [](std::size_t size) { return size >= Crumbs::kWorthAFrame; }));
  CHECK(sizes.size() == 100'000 / (12 * 350));
}

TEST_CASE("codec: credit that is little and stays so is used when nothing else came", "[h2]") {
  Begun server;
  sizes_of_data(server.peer);
  server.receive(credit(100));
  CHECK(sizes_of_data(server.peer).empty());
  CHECK(server.codec().holds_any());
  server.codec().release_held();
  CHECK(sizes_of_data(server.peer) == std::vector<std::size_t>{100});
  CHECK_FALSE(server.codec().holds_any());
}

TEST_CASE("codec: a window that is small by itself is used as it is", "[h2]") {
  Begun server(settings({{kSettingsWindow, 1}}));
  CHECK(sizes_of_data(server.peer) == std::vector<std::size_t>{1});
  for (int i = 0; i < 5; ++i) {
    server.receive(credit(1));
    CHECK(sizes_of_data(server.peer) == std::vector<std::size_t>{1});
  }
}

TEST_CASE("codec: a larger window is credit too", "[h2]") {
  Begun server;
  sizes_of_data(server.peer);
  server.receive(credit(100));
  CHECK(sizes_of_data(server.peer).empty());
  server.receive(window_update(0, 10'000) + settings({{kSettingsWindow, kWindow + 10'000}}));
  CHECK(sizes_of_data(server.peer) == std::vector<std::size_t>{10'100});
}

}  // namespace sandgate::proxy::h2

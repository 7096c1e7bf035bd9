#include <tests/unit/proxy/h2/session_fixture.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::h2 {
namespace {

using namespace tests;

constexpr char kIndexedStatus200 = '\x88';  // RFC 7541 A

FieldList connect_to(std::string_view path) {
  return {{":method", "CONNECT"},
          {":protocol", "websocket"},
          {":scheme", "https"},
          {":path", std::string(path)},
          {":authority", "8080-sbx1.sandbox.test"},
          {"sec-websocket-version", "13"}};
}

/// A client that asks for a WebSocket on stream 1, frame by frame.
class Asking {
 public:
  explicit Asking(std::string_view path) {
    serving.client.is_raw = true;
    serving.client.send_raw(std::string(kPreface) + settings() + headers(1, connect_to(path), kEndHeaders));
    serving.start();
  }
  void send(std::string_view bytes) { serving.client.send_raw(bytes); }
  /// The first frame of that type on the stream.
  const Frame& wait_for(FrameType type) {
    const Frame* found = nullptr;
    REQUIRE(serving.run_until([&] {
      for (const Frame& frame : serving.client.frames) {
        if (frame.type == type && frame.stream == 1 && found == nullptr) found = &frame;
      }
      return found != nullptr;
    }));
    return *found;
  }
  std::string received() const {
    std::string bytes;
    for (const Frame& frame : serving.client.frames) {
      if (frame.type == FrameType::data) bytes += frame.payload;
    }
    return bytes;
  }
  const ExchangeRecord& record() const { return serving.handler.served.at(0); }

  Serving serving;
};

}  // namespace

TEST_CASE("h2 session: an extended CONNECT opens a tunnel with 200, and bytes go both ways (RFC 8441)", "[h2]") {
  Asking asking("/tunnel");
  const std::string head = asking.wait_for(FrameType::headers).payload;
  CHECK(head.front() == kIndexedStatus200);
  CHECK(head.size() == 1);  // The answer to the edge's own key is not the client's.
  CHECK(asking.record().method == "GET");
  asking.send(data(1, "hello"));
  REQUIRE(asking.serving.run_until([&] { return asking.received() == "hello"; }));
  asking.send(data(1, "!", kEndStream));
  REQUIRE(asking.serving.run_until([&] { return asking.record().is_over; }));
  REQUIRE(asking.serving.run_until([&] { return asking.received() == "hello!"; }));
  CHECK((asking.serving.client.frames.back().flags & kEndStream) != 0);
  CHECK_FALSE(asking.record().failure);
}

TEST_CASE("h2 session: a tunnel that a sandbox cuts off is cancelled", "[h2]") {
  Asking asking("/tunnel?" + std::to_string(static_cast<int>(Failure::sandbox_reset)));
  CHECK(read_number(asking.wait_for(FrameType::rst_stream).payload) == static_cast<std::uint32_t>(ErrorCode::cancel));
  CHECK(asking.received() == "begun");
}

TEST_CASE("h2 session: a sandbox that does not switch is no open tunnel: a refusal passes, a success does not",
          "[h2]") {
  SECTION("404") {
    Asking asking("/status?404");
    CHECK(asking.wait_for(FrameType::headers).payload.front() != kIndexedStatus200);
    REQUIRE(asking.serving.run_until([&] { return asking.received() == "hello"; }));
    CHECK_FALSE(asking.record().failure);
  }
  SECTION("204") {
    Asking asking("/status?204");
    REQUIRE(asking.serving.run_until([&] { return !asking.serving.handler.served.empty(); }));
    CHECK(asking.record().failure == Failure::response_invalid);
  }
}

TEST_CASE("h2 session: a tunnel whose client goes away ends", "[h2]") {
  Asking asking("/tunnel");
  asking.wait_for(FrameType::headers);
  SECTION("by a reset") { asking.send(rst_stream(1, 8)); }
  SECTION("with its connection") { asking.serving.client.close(); }
  REQUIRE(asking.serving.run_until([&] { return asking.record().is_over; }));
  CHECK(asking.record().failure == Failure::client_closed);
}

}  // namespace sandgate::proxy::h2

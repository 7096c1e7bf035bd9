#include <proxy/h2/frame_meter.hpp>
#include <tests/support/h2_frames.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace sandgate::proxy::h2 {
namespace {

using namespace std::string_literals;
using namespace tests;
using std::chrono::seconds;

const TimePoint kStart{std::chrono::hours(1)};
constexpr std::uint32_t kResetsPerMinute = 600;  // Ten a second.

std::string repeat(std::string_view bytes, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += bytes;
  return all;
}

/// How many of `one` a meter takes before it says `label`; `most` when it says nothing. It may be asked again: what is
/// left of the frame it stopped at is given to it.
std::size_t taken_by(FrameMeter& meter, std::string_view one, LimitLabel label, TimePoint now, std::size_t most) {
  for (std::size_t count = 0; count < most; ++count) {
    const auto limit = meter.read(one, now);
    if (!limit) continue;
    CHECK(*limit == label);
    CHECK_FALSE(meter.read(one.substr(kFrameHeaderBytes), now));
    return count;
  }
  return most;
}

struct Kind {
  const char* what;
  std::string frame;
  LimitLabel label;
  std::size_t burst;
  std::size_t per_second;
};

std::vector<Kind> kinds() {
  return {
      {"RST_STREAM", rst_stream(1, 8), LimitLabel::h2_resets, 100, 10},
      {"SETTINGS", settings(), LimitLabel::h2_settings, 64, 4},
      {"SETTINGS with entries", settings({{4, 1}}), LimitLabel::h2_settings, 64, 4},
      {"PING", ping(), LimitLabel::h2_pings, 500, 100},
      {"an answer to a PING nobody sent", frame(FrameType::ping, kAck, 0, "12345678"), LimitLabel::h2_pings, 500, 100},
      {"PRIORITY", frame(FrameType::priority, 0, 1, "12345"), LimitLabel::h2_control_frames, 2000, 200},
      {"WINDOW_UPDATE", window_update(0, 1), LimitLabel::h2_control_frames, 2000, 200},
      {"GOAWAY", goaway(0, 0), LimitLabel::h2_control_frames, 2000, 200},
      {"PUSH_PROMISE", frame(FrameType::push_promise, 4, 1, "1234"), LimitLabel::h2_control_frames, 2000, 200},
      {"a frame of an unknown type", frame(FrameType::unknown, 0, 0, "x"), LimitLabel::h2_control_frames, 2000, 200},
      {"DATA without a byte", data(1, ""), LimitLabel::h2_empty_frames, 1000, 33},
  };
}

}  // namespace

TEST_CASE("frame meter: each kind has a burst, and what a second gives back", "[h2]") {
  for (const Kind& kind : kinds()) {
    INFO(kind.what);
    FrameMeter meter(false, kResetsPerMinute);
    CHECK(taken_by(meter, kind.frame, kind.label, kStart, 5000) == kind.burst);
    CHECK(taken_by(meter, kind.frame, kind.label, kStart, 5000) == 0);
    CHECK(taken_by(meter, kind.frame, kind.label, kStart + seconds(1), 5000) == kind.per_second);
    CHECK(taken_by(meter, kind.frame, kind.label, kStart + std::chrono::hours(1), 5000) == kind.burst);
  }
}

TEST_CASE("frame meter: what carries something, or ends a stream, is free", "[h2]") {
  const std::string frames[] = {
      data(1, "x"), data(1, "", kEndStream), padded_data(1, "x", 5), headers(1, get()), settings_ack(),
  };
  for (const std::string& one : frames) {
    FrameMeter meter(false, 0);
    CHECK(meter.read(repeat(one, 5000), kStart) == std::nullopt);
  }
}

TEST_CASE("frame meter: kinds do not take from each other's allowance", "[h2]") {
  FrameMeter meter(false, kResetsPerMinute);
  for (const Kind& kind : kinds()) {
    if (kind.frame == settings({{4, 1}}) || kind.frame.substr(3, 2) == "\x06\x01"s) continue;  // The same twice.
    if (kind.label == LimitLabel::h2_control_frames && kind.frame != window_update(0, 1)) continue;
    INFO(kind.what);
    CHECK(taken_by(meter, kind.frame, kind.label, kStart, 5000) == kind.burst);
  }
}

TEST_CASE("frame meter: streams that we reset count with those the peer resets", "[h2]") {
  FrameMeter meter(false, kResetsPerMinute);
  for (int i = 0; i < 50; ++i) CHECK(meter.reset(kStart) == std::nullopt);
  CHECK(taken_by(meter, rst_stream(1, 8), LimitLabel::h2_resets, kStart, 200) == 50);
  CHECK(meter.reset(kStart) == LimitLabel::h2_resets);
}

TEST_CASE("frame meter: DATA that was sent to it gives a peer more PINGs and control frames, not more of the rest",
          "[h2]") {
  FrameMeter meter(false, kResetsPerMinute);
  for (const Kind& kind : kinds()) taken_by(meter, kind.frame, kind.label, kStart, 5000);
  meter.sent_data();
  for (const Kind& kind : kinds()) {
    if (kind.what == "an answer to a PING nobody sent"s) continue;
    const bool is_control = kind.label == LimitLabel::h2_control_frames;
    const std::size_t given = kind.what == "PRIORITY"s ? 10 : kind.label == LimitLabel::h2_pings ? 1 : 0;
    if (is_control && given == 0) continue;  // PRIORITY took it.
    INFO(kind.what);
    CHECK(taken_by(meter, kind.frame, kind.label, kStart, 5000) == given);
  }
}

TEST_CASE("frame meter: credit for a long download may come all at once, when it is over", "[h2]") {
  FrameMeter meter(false, kResetsPerMinute);
  for (int i = 0; i < 1000; ++i) meter.sent_data();
  CHECK(taken_by(meter, ping(), LimitLabel::h2_pings, kStart, 5000) == 500 + 1000);
  CHECK(taken_by(meter, window_update(0, 1), LimitLabel::h2_control_frames, kStart, 50'000) == 2000 + 10'000);
  // Time brings back the burst and no more.
  CHECK(taken_by(meter, window_update(0, 1), LimitLabel::h2_control_frames, kStart + seconds(3600), 5000) == 2000);
}

TEST_CASE("frame meter: eight CONTINUATIONs in a row and no more", "[h2]") {
  const std::string opened = headers(1, get(), 0);
  const std::string middle = frame(FrameType::continuation, 0, 1, "x");
  const std::string last = frame(FrameType::continuation, kEndHeaders, 1, "x");
  FrameMeter meter(false, 0);
  CHECK(meter.read(opened + repeat(middle, 7) + last, kStart) == std::nullopt);
  CHECK(meter.read(opened + repeat(middle, 7) + last, kStart) == std::nullopt);  // Another head has its own.
  CHECK(meter.read(opened + repeat(middle, 8), kStart) == std::nullopt);
  CHECK(meter.read(last, kStart) == LimitLabel::h2_continuations);
}

TEST_CASE("frame meter: empty CONTINUATIONs count as any", "[h2]") {
  FrameMeter meter(false, 0);
  const std::string empty = frame(FrameType::continuation, 0, 1);
  CHECK(taken_by(meter, empty, LimitLabel::h2_continuations, kStart, 100) == 8);
}

TEST_CASE("frame meter: however the bytes are cut, the verdict is the same", "[h2]") {
  const std::string head = headers(1, get(), 0) + frame(FrameType::continuation, kEndHeaders, 1, "xyz");
  const std::string calm = std::string(kPreface) + settings({{3, 1}}) + head + data(1, "body") + padded_data(1, "", 7) +
                           ping() + data(1, "", kEndStream);
  const std::string flood = std::string(kPreface) + repeat(settings(), 65) + head;
  for (const std::string& bytes : {calm, flood}) {
    FrameMeter whole(true, 0);
    const auto verdict = whole.read(bytes, kStart);
    CHECK(verdict.has_value() == (bytes == flood));
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      FrameMeter meter(true, 0);
      auto limit = meter.read(std::string_view(bytes).substr(0, cut), kStart);
      if (!limit) limit = meter.read(std::string_view(bytes).substr(cut), kStart);
      if (limit != verdict) FAIL("cut at " << cut);
    }
    FrameMeter bytewise(true, 0);
    std::optional<LimitLabel> limit;
    for (std::size_t i = 0; i < bytes.size() && !limit; ++i) {
      limit = bytewise.read(std::string_view(bytes).substr(i, 1), kStart);
    }
    CHECK(limit == verdict);
  }
}

TEST_CASE("frame meter: a head is open from its first byte behind the frame header to its last", "[h2]") {
  const std::string fields = hpack(get());
  const std::string head = frame(FrameType::headers, 0, 1, fields.substr(0, 10)) +
                           frame(FrameType::continuation, 0, 1, fields.substr(10, 5)) +
                           frame(FrameType::continuation, kEndHeaders, 1, fields.substr(15));
  const std::string bytes = std::string(kPreface) + settings() + head + data(1, "x") + ping();
  const std::size_t begins = kPreface.size() + kFrameHeaderBytes + kFrameHeaderBytes;
  const std::size_t ends = kPreface.size() + kFrameHeaderBytes + head.size();
  FrameMeter meter(true, 0);
  for (std::size_t read = 1; read <= bytes.size(); ++read) {
    REQUIRE(meter.read(std::string_view(bytes).substr(read - 1, 1), kStart) == std::nullopt);
    const bool is_open = read >= begins && read < ends;
    if (meter.is_in_head() != is_open) FAIL("after " << read << " bytes");
  }
}

TEST_CASE("allowance: time that stands still gives nothing", "[h2]") {
  Allowance allowance(2, 1000);
  CHECK(allowance.take(kStart));
  CHECK(allowance.take(kStart));
  for (int i = 0; i < 10; ++i) CHECK_FALSE(allowance.take(kStart));
  CHECK(allowance.take(kStart + std::chrono::milliseconds(1)));
  CHECK_FALSE(allowance.take(kStart + std::chrono::milliseconds(1)));
}

TEST_CASE("frame meter: PRIORITY of no stream breaks the protocol", "[h2]") {
  FrameMeter meter(false, kResetsPerMinute);
  CHECK_FALSE(meter.read(frame(FrameType::priority, 0, 0, "12345"), kStart));
  CHECK(meter.violation() == ErrorCode::protocol_error);
}

TEST_CASE("frame meter: streams are judged by what a client sends, not by what a sandbox does", "[h2]") {
  const std::string twice = frame(FrameType::headers, kEndHeaders | kEndStream, 1, "x") + data(1, "y");
  FrameMeter of_client(true, kResetsPerMinute);
  CHECK_FALSE(of_client.read(std::string(kPreface) + twice, kStart));
  CHECK(of_client.violation() == ErrorCode::stream_closed);
  FrameMeter of_sandbox(false, kResetsPerMinute);
  CHECK_FALSE(of_sandbox.read(twice, kStart));
  CHECK_FALSE(of_sandbox.violation());
}

}  // namespace sandgate::proxy::h2

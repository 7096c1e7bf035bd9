#include <tests/unit/proxy/h2/codec_fixture.hpp>

#include <catch2/catch.hpp>

#include <functional>

namespace sandgate::proxy::h2 {
namespace {

using namespace tests;

/// Streams one after the other, each opened and made to be reset by `then`, until the connection ends.
std::size_t streams_until_the_end(const std::function<std::string(std::uint32_t)>& then, std::size_t most) {
  Served server;
  std::size_t count = 0;
  Log last;
  for (std::uint32_t id = 1; count < most && server.codec().wants_input(); id += 2, ++count) {
    server.receive(then(id));
    if (const Log now = written(server.peer); !now.empty()) last = now;
  }
  if (!server.codec().wants_input()) {
    CHECK(server.codec().exceeded() == LimitLabel::h2_resets);
    const std::string goaway = last.empty() ? "" : last.back();
    CHECK(goaway.starts_with("GOAWAY "));
    CHECK(goaway.ends_with(" 11"));
  }
  return count;
}

}  // namespace

TEST_CASE("codec: a peer that resets streams may do so a hundred times at once", "[h2]") {
  const auto rapid_reset = [](std::uint32_t id) { return headers(id, get()) + rst_stream(id, 8); };
  CHECK(streams_until_the_end(rapid_reset, 1000) == 101);
}

TEST_CASE("codec: every way to make the edge reset a stream takes from the same allowance (CVE-2025-8671)", "[h2]") {
  struct Case {
    const char* what;
    std::function<std::string(std::uint32_t)> frames;
  };
  const auto opened = [](std::uint32_t id) { return headers(id, post(), kEndHeaders); };
  const auto sized = [](std::uint32_t id) {
    FieldList fields = post();
    fields.emplace_back("content-length", "1");
    return headers(id, fields, kEndHeaders);
  };
  const Case cases[] = {
      {"a window that overflows", [&](auto id) { return opened(id) + window_update(id, 0x7fffffff); }},
      {"more than was said", [&](auto id) { return sized(id) + data(id, "xx"); }},
      {"less than was said", [&](auto id) { return sized(id) + data(id, "", kEndStream); }},
      {"trailers that are malformed",
       [&](auto id) {
         return opened(id) + headers(id, {{"A", "b"}});
       }},
      {"trailers that end nothing",
       [&](auto id) {
         return opened(id) + headers(id, {{"a", "b"}}, kEndHeaders);
       }},
      {"a head that is malformed",
       [](auto id) {
         return headers(id, {{"A", "b"}});
       }},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    CHECK(streams_until_the_end(one.frames, 1000) == 101);
  }
}

TEST_CASE("codec: what a peer may not do at all ends the connection the first time", "[h2]") {
  struct Case {
    const char* what;
    std::string frames;
  };
  const std::string whole = headers(1, get());
  const Case cases[] = {
      {"DATA on a half-closed stream", whole + data(1, "x")},
      {"HEADERS on a half-closed stream", whole + headers(1, {{"a", "b"}})},
      {"a window opened by nothing", whole + window_update(1, 0)},
      {"a frame of another size", whole + frame(FrameType::rst_stream, 0, 1, "123")},
      {"PRIORITY of another size", whole + frame(FrameType::priority, 0, 1, "123")},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    Served server;
    server.receive(one.frames);
    const Log answer = written(server.peer);
    const bool is_over = !server.codec().wants_input();
    // Or the stream is reset, which the allowance bounds.
    CHECK((is_over || (!answer.empty() && answer.back().starts_with("RST_STREAM 1"))));
  }
}

TEST_CASE("codec: streams refused for want of a place take from it too", "[h2]") {
  Served server;
  server.peer.refuses = true;
  std::size_t count = 0;
  for (std::uint32_t id = 1; count < 1000 && server.codec().wants_input(); id += 2, ++count) {
    server.receive(headers(id, get()));
    server.peer.produce();
  }
  CHECK(count == 101);
  CHECK(server.codec().exceeded() == LimitLabel::h2_resets);
}

TEST_CASE("codec: resets the edge decides on for reasons of its own are not the peer's fault", "[h2]") {
  Served server;
  for (const ErrorCode code : {ErrorCode::no_error, ErrorCode::internal_error, ErrorCode::cancel}) {
    for (int i = 0; i < 200; ++i) {
      const StreamId id = server.peer.ids().empty() ? 1 : server.peer.ids().back() + 2;
      server.receive(headers(static_cast<std::uint32_t>(id), post(), kEndHeaders));
      server.codec().reset(id, code);
      server.peer.produce();
    }
  }
  CHECK_FALSE(server.codec().exceeded());
  CHECK(server.codec().wants_input());
}

TEST_CASE("codec: the allowance of resets comes back with time", "[h2]") {
  Served server;
  std::uint32_t id = 1;
  const auto reset_some = [&](int count) {
    for (int i = 0; i < count; ++i, id += 2) {
      server.receive(headers(id, get()) + rst_stream(id, 8));
      server.peer.produce();
    }
  };
  reset_some(100);
  CHECK_FALSE(server.codec().exceeded());
  server.peer.now += std::chrono::seconds(3);  // 2000 a minute are 33 a second.
  reset_some(99);
  CHECK_FALSE(server.codec().exceeded());
  reset_some(2);
  CHECK(server.codec().exceeded() == LimitLabel::h2_resets);
}

TEST_CASE("codec: a flood of frames that carry nothing ends the connection, and is named", "[h2]") {
  struct Case {
    const char* what;
    std::string frame;
    LimitLabel label;
    std::size_t most;
  };
  const Case cases[] = {
      {"PING", ping(), LimitLabel::h2_pings, 500},
      {"SETTINGS", settings(), LimitLabel::h2_settings, 64},
      {"WINDOW_UPDATE", window_update(0, 1), LimitLabel::h2_control_frames, 2000},
      {"PRIORITY", frame(FrameType::priority, 0, 3, big_endian(0, 4) + "x"), LimitLabel::h2_control_frames, 2000},
      {"unknown", frame(FrameType::unknown, 0, 0, "x"), LimitLabel::h2_control_frames, 2000},
      {"empty DATA", data(1, ""), LimitLabel::h2_empty_frames, 1000},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    Served server;
    server.receive(headers(1, post(), kEndHeaders));
    std::size_t sent = 0;
    while (sent <= one.most && server.codec().wants_input()) {
      server.receive(one.frame);
      server.peer.produce_block();
      ++sent;
    }
    CHECK(sent >= one.most - 1);  // The handshake's SETTINGS was one.
    CHECK(server.codec().exceeded() == one.label);
    CHECK_FALSE(server.codec().wants_input());
  }
}

TEST_CASE("codec: too many CONTINUATIONs end the connection before the head does", "[h2]") {
  Served server;
  std::string bytes = headers(1, get(), 0);
  for (int i = 0; i < 9; ++i) bytes += frame(FrameType::continuation, 0, 1, hpack({{"a", "b"}}));
  server.receive(bytes);
  CHECK(server.codec().exceeded() == LimitLabel::h2_continuations);
  CHECK(written(server.peer) == Log{"GOAWAY 0 11"});
}

TEST_CASE("codec: whoever sends faster than its answers are taken is congested", "[h2]") {
  Served server;
  CHECK_FALSE(server.codec().is_congested());
  for (int i = 0; i < 400; ++i) server.receive(ping());
  CHECK(server.codec().is_congested());
  server.peer.produce();
  CHECK_FALSE(server.codec().is_congested());
}

TEST_CASE("codec: whoever does not take large answers is congested by few of them", "[h2]") {
  Served server;
  const std::string value(60 * 1024, '~');
  http::ResponseHead head = response_head(204);
  head.fields.add("x-large", value);
  int answers = 0;
  for (; answers < 100 && !server.codec().is_congested(); ++answers) {
    const StreamId id = 2 * answers + 1;
    server.receive(headers(id, get()));
    server.codec().respond(id, head, true);
  }
  CHECK(answers == 5);
  server.peer.produce_block();
  CHECK(server.codec().is_congested());
  server.peer.produce();
  CHECK_FALSE(server.codec().is_congested());
}

}  // namespace sandgate::proxy::h2

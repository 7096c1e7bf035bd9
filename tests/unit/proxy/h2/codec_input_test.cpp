#include <tests/unit/proxy/h2/codec_fixture.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::h2 {
namespace {

using namespace tests;

constexpr std::uint32_t kSettingsMaxStreams = 3;
constexpr std::uint32_t kSettingsWindow = 4;
constexpr std::uint32_t kSettingsHeadBytes = 6;
constexpr std::uint32_t kSettingsPush = 2;
constexpr std::uint32_t kSettingsConnect = 8;
constexpr std::uint32_t kSettingsNoPriorities = 9;

FieldList with(FieldList fields, const FieldList& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

}  // namespace

TEST_CASE("codec: what a server advertises", "[h2]") {
  H2Peer server(Codec::Role::server);
  const auto frames = server.frames();
  REQUIRE(describe(frames) == Log{"SETTINGS", "WINDOW_UPDATE 0 983041"});  // 1 MiB less what it is by itself.
  std::map<std::uint32_t, std::uint32_t> said;
  for (std::size_t at = 0; at < frames[0].payload.size(); at += 6) {
    const std::string_view entry = std::string_view(frames[0].payload).substr(at, 6);
    said[read_number(entry.substr(0, 2))] = read_number(entry.substr(2));
  }
  CHECK(said == std::map<std::uint32_t, std::uint32_t>{{kSettingsMaxStreams, 100},
                                                       {kSettingsWindow, 256 * 1024},
                                                       {kSettingsHeadBytes, 64 * 1024},
                                                       {kSettingsPush, 0},
                                                       {kSettingsConnect, 1},
                                                       {kSettingsNoPriorities, 1}});
  CHECK_FALSE(server.codec.has_output());
}

TEST_CASE("codec: a request is its fields, the end of its head, its data and the end of it, in this order", "[h2]") {
  Served server;
  server.receive(headers(1, with(post(), {{"a", "b"}}), kEndHeaders));
  CHECK(server.peer.take_log() == Log{"1 field :method POST", "1 field :scheme https", "1 field :path /",
                                      "1 field :authority a.test", "1 field a b", "1 head"});
  server.receive(data(1, "hello") + padded_data(1, "you", 20));
  CHECK(server.peer.take_log() == Log{"1 data 5", "1 data 3"});
  SECTION("with data to the end") {
    server.receive(data(1, "!", kEndStream));
    CHECK(server.peer.take_log() == Log{"1 data 1", "1 data end"});
  }
  SECTION("with an empty frame at the end") {
    server.receive(data(1, "", kEndStream));
    CHECK(server.peer.take_log() == Log{"1 data end"});
  }
  SECTION("with trailers") {
    server.receive(headers(1, {{"x", "y"}}));
    CHECK(server.peer.take_log() == Log{"1 field x y", "1 head last"});
  }
  SECTION("that is all of it") {
    server.receive(headers(3, get()));
    CHECK(server.peer.take_log().back() == "3 head last");
  }
}

TEST_CASE("codec: however the bytes are cut, the same is told of them", "[h2]") {
  const std::string fields = hpack(get());
  const std::string bytes = std::string(kPreface) + settings() + frame(FrameType::headers, 0, 1, fields.substr(0, 9)) +
                            frame(FrameType::continuation, kEndHeaders, 1, fields.substr(9)) + data(1, "hello") +
                            padded_data(1, "you", 3) + ping() + headers(1, {{"x", "y"}}) + headers(3, get());
  // How much DATA is handed over at once is up to the cut; nothing else is.
  const auto heard = [&](std::size_t step) {
    H2Peer server(Codec::Role::server);
    for (std::size_t at = 0; at < bytes.size(); at += step) server.receive(std::string_view(bytes).substr(at, step));
    Log log = server.take_log();
    std::erase_if(log, [](const std::string& line) { return line.starts_with("1 data"); });
    log.push_back(server.stream(1).received);
    return log;
  };
  const Log whole = heard(bytes.size());
  CHECK(whole.size() == 13);
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    if (heard(step) != whole) FAIL("in steps of " << step);
  }
}

TEST_CASE("codec: a malformed message ends its own stream", "[h2]") {
  struct Case {
    const char* what;
    std::string frames;
    std::string answer;
  };
  const std::string begun = headers(1, with(post(), {{"content-length", "5"}}), kEndHeaders);
  const Case cases[] = {
      {"an upper-case name", headers(1, with(get(), {{"A", "b"}})), "RST_STREAM 1 1"},
      {"a line break in a value", headers(1, with(get(), {{"a", "b\r\nc"}})), "RST_STREAM 1 1"},
      {"Connection", headers(1, with(get(), {{"connection", "x"}})), "RST_STREAM 1 1"},
      {"a pseudo-header field twice", headers(1, with(get(), {{":path", "/"}})), "RST_STREAM 1 1"},
      {"no :path", headers(1, {{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}}), "RST_STREAM 1 1"},
      {"more than was said", begun + data(1, "123456"), "RST_STREAM 1 1"},
      {"less than was said", begun + data(1, "1234", kEndStream), "RST_STREAM 1 1"},
      {"trailers that end nothing", begun + headers(1, {{"x", "y"}}, kEndHeaders), "RST_STREAM 1 1"},
      {"a pseudo-header field in trailers", begun + data(1, "12345") + headers(1, {{":path", "/"}}), "RST_STREAM 1 1"},
      {"a window that overflows", headers(1, post(), kEndHeaders) + window_update(1, 0x7fffffff), "RST_STREAM 1 3"},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    Served server;
    server.receive(one.frames + headers(3, get()));
    CHECK(written(server.peer) == Log{one.answer});
    CHECK(server.stream(1).over == static_cast<ErrorCode>(one.answer.back() - '0'));
    CHECK_FALSE(server.stream(1).has_ended);
    CHECK(server.peer.log.back() == (one.answer.back() == '3' ? "1 closed 3" : "1 closed 1"));
    CHECK(server.stream(3).has_ended);  // The others go on.
    CHECK(server.codec().wants_input());
    CHECK_FALSE(server.codec().exceeded());
  }
}

TEST_CASE("codec: a connection error is answered with GOAWAY, and nothing more is read or sent", "[h2]") {
  struct Case {
    const char* what;
    std::string bytes;
    int code;
  };
  const std::string begun = headers(1, post(), kEndHeaders);
  const Case cases[] = {
      {"DATA on no stream", data(0, "x"), 1},
      {"HEADERS on no stream", headers(0, get()), 1},
      {"HEADERS on a stream of the server's", headers(2, get()), 1},
      {"DATA on a stream that was not opened", data(1, "x"), 1},
      {"another frame within a head", headers(1, get(), 0) + ping(), 1},
      {"CONTINUATION without a head", frame(FrameType::continuation, kEndHeaders, 1, hpack(get())), 1},
      {"a head that does not decode", frame(FrameType::headers, kEndHeaders, 1, "\xff\xff\xff\xff\xff\xff\xff"), 9},
      {"a frame larger than allowed", data(1, std::string(16385, 'x')), 6},
      {"a window opened by nothing", begun + window_update(1, 0), 1},
      {"the connection's window overflows", window_update(0, 0x7fffffff), 3},
      {"PUSH_PROMISE from a client", begun + frame(FrameType::push_promise, 4, 1, big_endian(2, 4)), 1},
      {"SETTINGS of half an entry", frame(FrameType::settings, 0, 0, "123"), 6},
      {"SETTINGS with a window too large", settings({{kSettingsWindow, 0x80000000}}), 3},
      {"PING of another size", frame(FrameType::ping, 0, 0, "1234"), 6},
      {"padding longer than the frame", begun + frame(FrameType::data, kPadded, 1, "\x09x"), 1},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    Served server;
    server.receive(one.bytes);
    const auto frames = server.peer.frames();
    REQUIRE(frames.size() == 1);
    REQUIRE(frames[0].type == FrameType::goaway);
    CHECK(read_number(frames[0].payload.substr(4, 4)) == static_cast<std::uint32_t>(one.code));
    CHECK_FALSE(server.codec().wants_input());
    server.peer.take_log();
    server.receive(headers(5, get()) + ping());
    CHECK(server.peer.take_log().empty());
    CHECK(server.peer.produce().empty());
    CHECK_FALSE(server.codec().exceeded());
  }
}

TEST_CASE("codec: what is no preface is answered with GOAWAY", "[h2]") {
  H2Peer server(Codec::Role::server);
  server.produce();
  const std::string http1 = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
  SECTION("at once") { server.receive(http1); }
  SECTION("byte by byte") {
    for (const char byte : http1) server.receive({&byte, 1});
  }
  CHECK(written(server) == Log{"GOAWAY 0 1"});
  CHECK_FALSE(server.codec.wants_input());
}

TEST_CASE("codec: a stream that nobody takes is refused, and its frames are nobody's", "[h2]") {
  Served server;
  server.peer.refuses = true;
  server.receive(headers(1, post(), kEndHeaders) + data(1, "hello"));
  CHECK(written(server.peer) == Log{"RST_STREAM 1 7"});
  server.peer.refuses = false;
  server.receive(data(1, "late", kEndStream) + headers(3, get()));
  CHECK(server.peer.take_log().back() == "3 head last");
  CHECK_FALSE(server.peer.has(1));
}

TEST_CASE("codec: a peer that resets a stream closes it, and DATA on its way is ignored", "[h2]") {
  Served server;
  server.receive(headers(1, post(), kEndHeaders) + data(1, "hello") + rst_stream(1, 8));
  CHECK(server.stream(1).over == ErrorCode::cancel);
  server.codec().respond(1, response_head(200), true);  // Too late; no error.
  CHECK(server.peer.produce().empty());
  CHECK_FALSE(server.stream(1).was_called_after_its_end);
}

TEST_CASE("codec: a stream we reset gets nothing more, and closes once that is said", "[h2]") {
  Served server;
  server.receive(headers(1, post(), kEndHeaders));
  server.codec().reset(1, ErrorCode::cancel);
  server.peer.take_log();
  server.receive(data(1, "hello"));
  CHECK(written(server.peer) == Log{"RST_STREAM 1 8"});
  CHECK(server.peer.take_log() == Log{"1 closed 8"});
  server.receive(data(1, "hello", kEndStream));
  CHECK(server.peer.take_log().empty());
}

TEST_CASE("codec: a head that has begun is known", "[h2]") {
  Served server;
  CHECK_FALSE(server.codec().is_in_head());
  const std::string head = headers(1, get());
  server.receive(head.substr(0, 20));
  CHECK(server.codec().is_in_head());
  server.receive(head.substr(20));
  CHECK_FALSE(server.codec().is_in_head());
}

TEST_CASE("codec: a handler may end the connection for a head that is absurd", "[h2]") {
  class Impatient final : public CodecHandler, public StreamHandler {
   public:
    Codec* codec = nullptr;
    int fields = 0;

    StreamHandler* opened(StreamId) override { return this; }
    void going_away(StreamId) override {}
    void field(std::string_view, std::string_view) override {
      if (++fields == 5) codec->exceed(LimitLabel::head_bytes);
    }
    void head_ended(bool) override { FAIL("it must not end"); }
    void data(std::string_view) override {}
    void data_ended() override {}
    void closed(ErrorCode) override {}
    Outgoing outgoing() const override { return {}; }
    void sent(std::size_t) override {}
  };
  Impatient handler;
  Codec codec(H2Peer::setting(Codec::Role::server), handler);
  handler.codec = &codec;
  FieldList fields = get();
  for (int i = 0; i < 100; ++i) fields.emplace_back("a", "b");
  codec.receive(std::string(kPreface) + settings() + headers(1, fields), {});
  CHECK(handler.fields == 5);
  CHECK(codec.exceeded() == LimitLabel::head_bytes);
  CHECK_FALSE(codec.wants_input());
  BufferPool buffers;
  Buffer block = buffers.lease();
  codec.produce(block, buffers);
  CHECK(describe(read_frames(block.data()).value()).back() == "GOAWAY 1 11");
}

}  // namespace sandgate::proxy::h2

#include <tests/unit/proxy/upstream/h2_links_fixture.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace sandgate::proxy::upstream {
namespace {

using namespace tests;

constexpr http::BodyLength kOpenEnded{http::BodyLength::Kind::until_end};

/// One GET that has reached a sandbox, which answers with frames of its own.
class Asked {
 public:
  Asked() {
    links.open();
    links.dialler.succeed();
    REQUIRE(links.run_until_all_done());
    links.ask(caller());
    REQUIRE(links.run_until([this] { return sandbox().peer.has(1); }));
  }
  Caller& caller() { return links.callers.front(); }
  H2Wire& sandbox() { return links.dialler.sandboxes.front(); }
  /// The head the exchange got: its status, or the label of the failure.
  std::string head() {
    REQUIRE(links.run_until([this] { return caller().head_read.has_value(); }));
    const Result<void>& read = *caller().head_read;
    return read.has_value() ? std::to_string(caller().head.status) : std::string(label(read.error()));
  }
  /// The body, and how it ended: "hello." or "hello! sandbox_truncated".
  std::string body() {
    std::optional<std::string> text;
    read_all(*caller().upstream, text);
    REQUIRE(links.run_until([&] { return text.has_value(); }));
    return *text;
  }

  Links links;

 private:
  static Detached read_all(Upstream& upstream, std::optional<std::string>& text) {
    std::string bytes;
    for (;;) {
      const Result<Part> part = co_await upstream.response().read();
      if (part.has_error()) {
        text = bytes + "! " + std::string(label(part.error()));
        co_return;
      }
      bytes += part->bytes;
      if (!part->is_last) continue;
      for (const http::Field& field : part->trailers != nullptr ? *part->trailers : http::Fields()) {
        bytes.append(" ").append(field.name).append(": ").append(field.value);
      }
      text = bytes + ".";
      co_return;
    }
  }
};

http::ResponseHead answer(std::uint16_t status, http::BodyLength body = kOpenEnded) {
  http::ResponseHead head;
  head.status = status;
  head.body = body;
  return head;
}

}  // namespace

TEST_CASE("h2 upstream: a response, its body and its trailers", "[pool]") {
  Asked asked;
  asked.sandbox().send_raw(headers(1, {{":status", "200"}}, kEndHeaders) + data(1, "hello") +
                           headers(1, {{"grpc-status", "0"}, {"content-length", "5"}}));
  CHECK(asked.head() == "200");
  CHECK(asked.body() == "hello grpc-status: 0.");  // A name that decides something is dropped.
}

TEST_CASE("h2 upstream: what ends a stream before its response is whole is a failure", "[pool]") {
  Asked asked;
  SECTION("a reset before the head") {
    asked.sandbox().send_raw(rst_stream(1, 0));
    CHECK(asked.head() == "sandbox_reset");
  }
  SECTION("a refusal") {
    asked.sandbox().send_raw(rst_stream(1, 7));
    CHECK(asked.head() == "sandbox_reset");
    CHECK(asked.caller().upstream->is_untouched());
  }
  SECTION("the connection's end before the head") {
    asked.sandbox().close();
    CHECK(asked.head() == "sandbox_reset");
  }
  SECTION("a reset within the body") {
    asked.sandbox().send_raw(headers(1, {{":status", "200"}}, kEndHeaders) + data(1, "hello") + rst_stream(1, 0));
    CHECK(asked.head() == "200");
    CHECK(asked.body().ends_with("! sandbox_truncated"));
  }
  SECTION("the connection's end within the body") {
    asked.sandbox().send_raw(headers(1, {{":status", "200"}}, kEndHeaders) + data(1, "hello"));
    CHECK(asked.head() == "200");
    asked.sandbox().close();
    CHECK(asked.body().ends_with("! sandbox_truncated"));
  }
  SECTION("less than was said") {
    asked.sandbox().send_raw(headers(1, {{":status", "200"}, {"content-length", "9"}}, kEndHeaders) +
                             data(1, "hello", kEndStream));
    asked.head();
    CHECK(asked.body().ends_with("! sandbox_truncated"));
  }
}

TEST_CASE("h2 upstream: a response that makes no sense is invalid", "[pool]") {
  const std::string frames[] = {
      headers(1, {{"a", "b"}}),
      headers(1, {{":status", "20x"}}),
      headers(1, {{":status", "600"}}),
      headers(1, {{":status", "101"}}, kEndHeaders),
      headers(1, {{":status", "103"}}),
      headers(1, {{":status", "200"}, {"connection", "x"}}),
      headers(1, {{":status", "200"}, {"a", "b\r\nc: d"}}),
      headers(1, {{":status", "200"}, {"content-length", "5"}}),
      headers(1, {{":status", "200"}, {"a", std::string(8000, 'x')}, {"b", std::string(8000, 'x')}}, 0) +
          [] {
            std::string more;
            for (int i = 0; i < 7; ++i) {
              const std::uint8_t flags = i == 6 ? kEndHeaders : 0;
              more += frame(FrameType::continuation, flags, 1, hpack({{"c", std::string(15'000, 'x')}}));
            }
            return more;
          }(),
  };
  for (const std::string& one : frames) {
    INFO(one.substr(0, 60));
    Asked asked;
    asked.sandbox().send_raw(one);
    CHECK(asked.head() == "response_invalid");
  }
}

TEST_CASE("h2 upstream: a sandbox that breaks the protocol has sent an invalid response", "[pool]") {
  Asked asked;
  asked.sandbox().send_raw(data(0, "x"));
  CHECK(asked.head() == "response_invalid");
}

TEST_CASE("h2 upstream: interim responses are passed on, sixteen and 16 KiB of them at most", "[pool]") {
  struct Row {
    int count;
    std::size_t bytes;
    const char* verdict;
  };
  for (const Row& row :
       {Row{16, 10, "200"}, Row{17, 10, "response_invalid"}, Row{3, 5'000, "200"}, Row{4, 5'000, "response_invalid"}}) {
    INFO(row.count << " of " << row.bytes);
    Asked asked;
    std::string frames;
    for (int i = 0; i < row.count; ++i) {
      frames += headers(1, {{":status", "103"}, {"link", std::string(row.bytes, 'x')}}, kEndHeaders);
    }
    asked.sandbox().send_raw(frames + headers(1, {{":status", "200"}}));
    std::string last = asked.head();
    while (last == "103") {
      asked.links.read_next(asked.caller());
      last = asked.head();
    }
    CHECK(last == row.verdict);
  }
}

TEST_CASE("h2 upstream: giving it up resets its stream and leaves the connection to the others", "[pool]") {
  Asked asked;
  Caller& other = asked.links.open();
  asked.links.ask(other);
  REQUIRE(asked.links.run_until([&] { return asked.sandbox().peer.has(3); }));
  asked.caller().upstream->abort();
  CHECK(asked.head() == "sandbox_reset");
  REQUIRE(asked.links.run_until([&] { return asked.sandbox().peer.stream(1).over.has_value(); }));
  CHECK(asked.sandbox().peer.stream(1).over == h2::ErrorCode::cancel);
  asked.sandbox().peer.codec.respond(3, answer(204, {}), true);
  REQUIRE(asked.links.run_until([&] { return other.head_read.has_value(); }));
  CHECK(other.head.status == 204);
}

TEST_CASE("h2 upstream: a response that nobody reads stops at its window, and the others go on", "[pool]") {
  Asked asked;
  asked.sandbox().peer.codec.respond(1, answer(200), false);
  asked.sandbox().peer.stream(1).say(std::string(3'000'000, 'x'), true);
  CHECK(asked.head() == "200");
  REQUIRE(asked.links.run_until([&] { return asked.sandbox().peer.stream(1).unsaid() == 3'000'000 - 64 * 1024; }));
  Caller& other = asked.links.open();
  asked.links.ask(other);
  REQUIRE(asked.links.run_until([&] { return asked.sandbox().peer.has(3); }));
  asked.sandbox().peer.codec.respond(3, answer(204, {}), true);
  REQUIRE(asked.links.run_until([&] { return other.head_read.has_value(); }));
  CHECK(asked.sandbox().peer.stream(1).unsaid() == 3'000'000 - 64 * 1024);
  CHECK(asked.links.buffers.leased_bytes() <= 6 * BufferPool::kBlockBytes);
  CHECK(asked.body() == std::string(3'000'000, 'x') + ".");
}

}  // namespace sandgate::proxy::upstream

#include <tests/unit/proxy/http/h1_reading.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy::http {
namespace {

using testing::read_request;
using testing::request;

TEST_CASE("Connection: whether another request may follow", "[http][h1]") {
  struct Case {
    std::string_view fields;
    bool in_1_0;
    bool in_1_1;
  };
  const Case cases[] = {
      {"", false, true},
      {"Connection: close\r\n", false, false},
      {"Connection: CLOSE\r\n", false, false},
      {"Connection: keep-alive\r\n", true, true},
      {"Connection: Keep-Alive\r\n", true, true},
      {"Connection: keep-alive, close\r\n", false, false},
      {"Connection: close, keep-alive\r\n", false, false},
      {"Connection: keep-alive\r\nConnection: close\r\n", false, false},
      {"Connection: x\r\nConnection: keep-alive\r\n", true, true},
      {"Connection: a,,\t close ,b\r\n", false, false},
      {"Connection: ,keep-alive\r\n", true, true},
      {"Connection: closed\r\n", false, true},
      {"Connection: close x\r\n", false, true},
      {"Connection: \"close\"\r\n", false, true},
      {"Connection:\r\n", false, true},
      {"Proxy-Connection: keep-alive\r\n", false, true},
      {"Keep-Alive: timeout=5\r\n", false, true},
  };
  for (const Case& one : cases) {
    INFO(one.fields);
    RequestHead head;
    REQUIRE(read_request(request("GET / HTTP/1.0", one.fields), head) == "ok");
    CHECK(head.keep_alive == one.in_1_0);
    REQUIRE(read_request(request("GET / HTTP/1.1", one.fields), head) == "ok");
    CHECK(head.keep_alive == one.in_1_1);
  }
}

TEST_CASE("Connection: after a refused head nothing may follow", "[http][h1]") {
  RequestHead head;
  REQUIRE(read_request(request("TRACE / HTTP/1.1", "Connection: keep-alive\r\n"), head) == "method_not_allowed");
  CHECK_FALSE(head.keep_alive);
  REQUIRE(read_request(request("GET / HTTP/1.1", "Connection: keep-alive\r\nExpect: x\r\n"), head) ==
          "bad_expectation");
  CHECK_FALSE(head.keep_alive);
}

TEST_CASE("Upgrade: the protocol that is forwarded, or none", "[http][h1]") {
  struct Case {
    std::string_view rule;
    std::string_view fields;
    std::string_view upgrade;
    std::string_view start_line = "GET /ws HTTP/1.1";
  };
  const Case cases[] = {
      {"websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "websocket"},
      {"as sent", "Connection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n", "WebSocket"},
      {"fields in any order", "Upgrade: websocket\r\nConnection: upgrade\r\n", "websocket"},
      {"another protocol", "Connection: upgrade\r\nUpgrade: foo/2\r\n", "foo/2"},
      {"another protocol with another method", "Connection: upgrade\r\nUpgrade: tcp\r\n", "tcp", "POST / HTTP/1.1"},
      {"the first of a list", "Connection: upgrade\r\nUpgrade: foo, websocket\r\n", "foo"},
      {"the first of two lines", "Connection: upgrade\r\nUpgrade: foo\r\nUpgrade: bar\r\n", "foo"},
      {"empty elements count for nothing", "Connection: upgrade\r\nUpgrade: , websocket\r\n", "websocket"},
      {"no Connection", "Upgrade: websocket\r\n", ""},
      {"Connection says something else", "Connection: keep-alive\r\nUpgrade: websocket\r\n", ""},
      {"no Upgrade", "Connection: upgrade\r\n", ""},
      {"an empty one", "Connection: upgrade\r\nUpgrade:\r\n", ""},
      {"h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n", ""},
      {"H2C", "Connection: upgrade\r\nUpgrade: H2C\r\n", ""},
      {"h2c with a version", "Connection: upgrade\r\nUpgrade: h2c/1\r\n", ""},
      {"h2c before another", "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n", "websocket"},
      {"h2c after another", "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", "websocket"},
      {"h2c in a line of its own", "Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n", "websocket"},
      {"two words", "Connection: upgrade\r\nUpgrade: web socket\r\n", ""},
      {"an empty version", "Connection: upgrade\r\nUpgrade: foo/\r\n", ""},
      {"junk beside a protocol", "Connection: upgrade\r\nUpgrade: websocket, \"x\"\r\n", ""},
      {"obs-text", "Connection: upgrade\r\nUpgrade: websocket\xff\r\n", ""},
      {"HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", "", "GET /ws HTTP/1.0"},
      {"websocket is for GET", "Connection: upgrade\r\nUpgrade: websocket\r\n", "", "POST /ws HTTP/1.1"},
      {"not for HEAD", "Connection: upgrade\r\nUpgrade: WEBSOCKET\r\n", "", "HEAD /ws HTTP/1.1"},
      {"a body stays a body", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 64\r\n", ""},
      {"a chunked one too", "Connection: upgrade\r\nUpgrade: foo\r\nTransfer-Encoding: chunked\r\n", ""},
      {"a length of 0 is no body", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n", "websocket"},
  };
  for (const Case& one : cases) {
    INFO(one.rule);
    RequestHead head;
    const std::string bytes = request(one.start_line, one.fields);
    REQUIRE(read_request(bytes, head) == "ok");
    CHECK(head.upgrade == one.upgrade);
  }
}

}  // namespace
}  // namespace sandgate::proxy::http

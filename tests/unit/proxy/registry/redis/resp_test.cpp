#include <proxy/registry/redis/resp.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace sandgate::proxy::registry::redis {
namespace {

using Kind = Reply::Kind;

Reply read_one(std::string_view bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  auto reply = reader.next();
  REQUIRE(reply);
  CHECK_FALSE(reader.next());
  CHECK(reader.broken().empty());
  return *std::move(reply);
}

TEST_CASE("resp: each kind of reply is read", "[redis]") {
  CHECK(read_one("+OK\r\n").is_status("OK"));
  CHECK(read_one("-ERR no\r\n").is_error());
  CHECK(read_one(":-2\r\n").integer == -2);
  CHECK(read_one("$3\r\na\rb\r\n").is_text("a\rb"));
  CHECK(read_one("$0\r\n\r\n").is_text(""));
  CHECK(read_one("$-1\r\n").kind == Kind::nil);
  CHECK(read_one("*-1\r\n").kind == Kind::nil);
  CHECK(read_one("*0\r\n").kind == Kind::array);
}

TEST_CASE("resp: arrays are nested, and null in one keeps its place", "[redis]") {
  const Reply reply = read_one("*3\r\n$7\r\nmessage\r\n*2\r\n:1\r\n*1\r\n+x\r\n*-1\r\n");
  REQUIRE(reply.elements.size() == 3);
  CHECK(reply.elements[0].is_text("message"));
  CHECK(reply.elements[1].elements[0].integer == 1);
  CHECK(reply.elements[1].elements[1].elements[0].is_status("x"));
  CHECK(reply.elements[2].kind == Kind::nil);
}

TEST_CASE("resp: however the bytes are cut, the replies are the same", "[redis]") {
  const std::string bytes = "*2\r\n$5\r\nhello\r\n*1\r\n:7\r\n+OK\r\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    CAPTURE(cut);
    ReplyReader reader;
    std::vector<Reply> replies;
    for (const auto& piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
      reader.feed(piece);
      while (auto reply = reader.next()) replies.push_back(*std::move(reply));
    }
    REQUIRE(replies.size() == 2);
    CHECK(replies[0].elements[0].is_text("hello"));
    CHECK(replies[1].is_status("OK"));
  }
}

TEST_CASE("resp: what is no reply breaks the reader for good", "[redis]") {
  const std::string bytes =
      GENERATE("HTTP/1.1 400 Bad Request\r\n", "*2000000\r\n", "*200000\r\n*200000\r\n", "?\r\n", "\r\n");
  CAPTURE(bytes);
  ReplyReader reader;
  reader.feed(bytes);
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.broken().empty());
  reader.feed("+OK\r\n");
  CHECK_FALSE(reader.next());
}

TEST_CASE("resp: a reply that never ends breaks the reader before it fills the memory", "[redis]") {
  ReplyReader reader;
  reader.feed("$2000000000\r\n");
  const std::string block(1024 * 1024, 'x');
  for (int i = 0; i < 100 && reader.broken().empty(); ++i) {
    reader.feed(block);
    CHECK_FALSE(reader.next());
  }
  CHECK(reader.broken().find("larger than") != std::string::npos);
}

TEST_CASE("resp: a command holds any bytes in its words", "[redis]") {
  CHECK(command({"GET", std::string_view("a\0\r\n", 4), ""}) ==
        std::string("*3\r\n$3\r\nGET\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n", 29));
}

}  // namespace
}  // namespace sandgate::proxy::registry::redis

#include <proxy/registry/redis/cluster_slots.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace sandgate::proxy::registry::redis {
namespace {

const Link::Place kAsked{"seed.test", 7000, {}};

std::optional<std::vector<SlotRange>> parsed(std::string_view bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  const auto reply = reader.next();
  REQUIRE(reply);
  return parse_slots(*reply, kAsked);
}

TEST_CASE("cluster_slots: the slots Redis itself gives", "[redis]") {
  const auto [key, slot] = GENERATE(table<std::string, int>({
      {"foo", 12182},
      {"somekey", 11058},
      {"123456789", 12739},
      {"", 0},
      {"foo{hash_tag}", 2515},
      {"bar{hash_tag}", 2515},
      {"foo{}{bar}", 8363},  // An empty tag is none.
      {"{a", 10276},
  }));
  CAPTURE(key);
  CHECK(slot_of(key) == slot);
}

TEST_CASE("cluster_slots: ranges with their masters and replicas", "[redis]") {
  const auto ranges = parsed(
      "*2\r\n"
      "*4\r\n:0\r\n:8191\r\n*3\r\n$9\r\n127.0.0.1\r\n:7000\r\n$2\r\nid\r\n*2\r\n$3\r\n::1\r\n:7003\r\n"
      "*3\r\n:8192\r\n:16383\r\n*4\r\n$0\r\n\r\n:7001\r\n$2\r\nid\r\n*0\r\n");
  REQUIRE(ranges);
  REQUIRE(ranges->size() == 2);
  CHECK(ranges->at(0).master == Link::Place{"127.0.0.1", 7000, {}});
  REQUIRE(ranges->at(0).replicas.size() == 1);
  CHECK(ranges->at(0).replicas[0] == Link::Place{"::1", 7003, {}});
  CHECK(ranges->at(1).first == 8192);
  CHECK(ranges->at(1).last == 16383);
  CHECK(ranges->at(1).master == Link::Place{"seed.test", 7001, {}});  // It does not know its own name.
}

TEST_CASE("cluster_slots: a cluster without slots is a cluster", "[redis]") {
  REQUIRE(parsed("*0\r\n"));
  CHECK(parsed("*0\r\n")->empty());
}

TEST_CASE("cluster_slots: an answer that makes no sense is none", "[redis]") {
  const std::string bytes =
      GENERATE("-ERR This instance has cluster support disabled\r\n", "+OK\r\n", "*1\r\n:1\r\n", "*1\r\n*0\r\n",
               "*1\r\n*2\r\n:0\r\n:1\r\n", "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\nh\r\n:1\r\n",
               "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\nh\r\n:1\r\n", "*1\r\n*3\r\n:-1\r\n:4\r\n*2\r\n$1\r\nh\r\n:1\r\n",
               "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\nh\r\n:0\r\n", "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\nh\r\n:65536\r\n",
               "*1\r\n*3\r\n:0\r\n:4\r\n*1\r\n$1\r\nh\r\n", "*1\r\n*4\r\n:0\r\n:4\r\n*2\r\n$1\r\nh\r\n:1\r\n:7\r\n",
               "*2\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\nh\r\n:1\r\n*3\r\n:4\r\n:5\r\n*2\r\n$1\r\nh\r\n:2\r\n");
  CAPTURE(bytes);
  CHECK_FALSE(parsed(bytes));
}

TEST_CASE("cluster_slots: MOVED and ASK name a server", "[redis]") {
  const auto moved = parse_redirection("MOVED 3999 127.0.0.1:6381");
  REQUIRE(moved);
  CHECK_FALSE(moved->is_ask);
  CHECK(moved->place == Link::Place{"127.0.0.1", 6381, {}});
  const auto ask = parse_redirection("ASK 0 ::1:6381");
  REQUIRE(ask);
  CHECK(ask->is_ask);
  CHECK(ask->place == Link::Place{"::1", 6381, {}});
  CHECK(parse_redirection("MOVED 1 :7001")->place.host.empty());
  for (const char* other : {"", "ERR MOVED 1 h:1", "MOVED", "MOVED 1", "MOVED x h:1", "MOVED 16384 h:1", "MOVED 1 h",
                            "MOVED 1 h:", "MOVED 1 h:0", "MOVED 1 h:65536", "CLUSTERDOWN The cluster is down"}) {
    CAPTURE(other);
    CHECK_FALSE(parse_redirection(other));
  }
}

}  // namespace
}  // namespace sandgate::proxy::registry::redis

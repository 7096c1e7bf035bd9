#include <proxy/upstream/dial_policy.hpp>
#include <proxy/upstream/idle_list.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace sandgate::proxy::upstream {
namespace {

using config::Endpoint;
using config::IpAddress;
using config::IpRange;

class Entry final : public IdleEntry {};

std::vector<IpRange> ranges(const std::vector<std::string>& texts) {
  std::vector<IpRange> result;
  for (const std::string& text : texts) result.push_back(*IpRange::parse(text));
  return result;
}

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

}  // namespace

TEST_CASE("idle list: of one key the newest is used, over all the oldest goes first", "[pool]") {
  IdleList list;
  IdleShelf first;
  IdleShelf second;
  Entry a;
  Entry b;
  Entry c;
  list.add(a, first);
  list.add(b, second);
  list.add(c, first);
  CHECK(list.newest(first) == &c);
  CHECK(list.oldest(first) == &a);
  CHECK(list.oldest() == &a);
  list.remove(a, first);
  CHECK(list.oldest() == &b);
  CHECK(list.newest(second) == &b);
  CHECK(first.size() == 1);
  CHECK(list.size() == 2);
  list.for_each([&](IdleEntry& entry) { list.remove(entry, &entry == &b ? second : first); });
  CHECK(list.size() == 0);
  CHECK(list.newest(first) == nullptr);
  CHECK(list.oldest() == nullptr);
}

TEST_CASE("dial policy: only what the registry may name is dialled", "[pool]") {
  struct Row {
    std::vector<std::string> allow;
    const char* address;
    std::uint16_t port;
    bool permitted;
  };
  const std::vector<IpAddress> own{ip("127.0.0.1"), ip("10.0.0.5")};
  const std::vector<Endpoint> listeners{*Endpoint::parse("0.0.0.0:8443"), *Endpoint::parse("127.0.0.1:9090")};
  const std::vector<Row> rows{
      {{"10.0.0.0/8"}, "10.0.0.7", 80, true},
      {{"10.0.0.0/8"}, "192.168.0.1", 80, false},
      {{"0.0.0.0/0"}, "127.0.0.1", 80, false},            // loopback, not named
      {{"127.0.0.0/8"}, "127.0.0.1", 80, true},           // named
      {{"127.0.0.0/8"}, "127.0.0.1", 9090, false},        // our admin
      {{"127.0.0.0/8"}, "127.0.0.1", 8443, false},        // our listener on all addresses
      {{"127.0.0.0/8"}, "127.0.0.2", 8443, false},        // the same
      {{"0.0.0.0/0"}, "169.254.169.254", 80, false},      // cloud metadata
      {{"169.254.0.0/16"}, "169.254.169.254", 80, true},  // somebody meant it
      {{"0.0.0.0/0"}, "224.0.0.1", 80, false},
      {{"0.0.0.0/0"}, "0.0.0.0", 80, false},
      {{"10.0.0.0/8"}, "10.0.0.5", 80, false},  // the edge itself
      {{"10.0.0.0/8", "10.0.0.5/32"}, "10.0.0.5", 80, true},
      {{"10.0.0.0/8", "10.0.0.5/32"}, "10.0.0.5", 8443, false},
      {{"10.0.0.0/8"}, "::ffff:10.0.0.7", 80, true},  // normalised first
      {{"::/0"}, "::ffff:127.0.0.1", 80, false},
      {{"0.0.0.0/0"}, "64:ff9b::169.254.169.254", 80, false},
      {{"fc00::/7"}, "fd00::1", 80, true},
      {{"::/0"}, "::1", 80, false},
      {{"::/0"}, "fe80::1", 80, false},
  };
  for (const Row& expected : rows) {
    INFO(expected.allow.front() << " " << expected.address << ":" << expected.port);
    const DialPolicy policy(ranges(expected.allow), own, listeners);
    CHECK(policy.permits(ip(expected.address), expected.port) == expected.permitted);
  }
}

}  // namespace sandgate::proxy::upstream

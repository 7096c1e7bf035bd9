#include <proxy/source_allowance.hpp>

#include <catch2/catch.hpp>

namespace sandgate::proxy {
namespace {

using std::chrono::seconds;

const TimePoint kStart{std::chrono::hours(1)};

std::size_t taken(SourceAllowance& allowance, const char* client, TimePoint now) {
  std::size_t count = 0;
  while (allowance.take(config::IpAddress::parse(client).value(), now)) ++count;
  return count;
}

}  // namespace

TEST_CASE("source allowance: each client has its own, an IPv6 client is its /64", "[journal]") {
  SourceAllowance allowance;
  CHECK(taken(allowance, "192.0.2.1", kStart) == 500);
  CHECK(taken(allowance, "192.0.2.1", kStart) == 0);
  CHECK(taken(allowance, "192.0.2.2", kStart) == 500);
  CHECK(taken(allowance, "2001:db8::1", kStart) == 500);
  CHECK(taken(allowance, "2001:db8::ffff:1", kStart) == 0);
  CHECK(taken(allowance, "2001:db8:0:1::1", kStart) == 500);
}

TEST_CASE("source allowance: time brings it back", "[journal]") {
  SourceAllowance allowance;
  taken(allowance, "192.0.2.1", kStart);
  CHECK(taken(allowance, "192.0.2.1", kStart + seconds(2)) == 100);
  CHECK(taken(allowance, "192.0.2.1", kStart + seconds(3600)) == 500);
}

}  // namespace sandgate::proxy

#include <proxy/connection_gate.hpp>
#include <proxy/drain.hpp>
#include <proxy/file_watch.hpp>
#include <tests/support/test_certificate.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

namespace sandgate::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kStart{};

config::IpAddress ip(std::string_view text) { return *config::IpAddress::parse(text); }

}  // namespace

TEST_CASE("drain: announce, finish, over, each in its time", "[drain]") {
  Drain drain;
  CHECK(drain.next() == kNever);
  drain.begin(kStart, seconds(15), seconds(300));
  CHECK(drain.phase() == DrainPhase::announcing);
  drain.advance(kStart + seconds(14));
  CHECK(drain.phase() == DrainPhase::announcing);
  CHECK(drain.next() == kStart + seconds(15));
  drain.advance(kStart + seconds(15));
  CHECK(drain.phase() == DrainPhase::finishing);
  CHECK(drain.next() == kStart + seconds(315));
  drain.advance(kStart + seconds(315));
  CHECK(drain.phase() == DrainPhase::over);
  CHECK(drain.next() == kNever);
}

TEST_CASE("drain: a second begin ends it at once", "[drain]") {
  Drain drain;
  drain.begin(kStart, seconds(15), seconds(300));
  drain.begin(kStart + seconds(1), seconds(15), seconds(300));
  CHECK(drain.phase() == DrainPhase::over);
}

TEST_CASE("drain: without announce and grace it is over in one step", "[drain]") {
  Drain drain;
  drain.begin(kStart, milliseconds(0), milliseconds(0));
  drain.advance(kStart);
  CHECK(drain.phase() == DrainPhase::over);
}

TEST_CASE("connection gate: beyond the total some are told, the rest are closed, and places come back", "[limits]") {
  ConnectionGate gate({2});
  std::vector<std::unique_ptr<ConnectionGate::Place>> places;
  const auto enter = [&] {
    places.push_back(std::make_unique<ConnectionGate::Place>());
    return gate.enter(ip("203.0.113.1"), *places.back());
  };
  for (int i = 0; i < 2; ++i) CHECK_FALSE(enter().refusal);
  for (int i = 0; i < 16; ++i) {
    const auto told = enter();
    CHECK(told.is_admitted);
    CHECK(told.refusal == Failure::overloaded);
  }
  CHECK_FALSE(enter().is_admitted);
  places.clear();
  CHECK(gate.count() == 0);
  CHECK_FALSE(enter().refusal);
}

TEST_CASE("connection gate: each client address has its own share", "[limits]") {
  ConnectionGate gate({100, 1});
  ConnectionGate::Place other;
  {
    ConnectionGate::Place first;
    ConnectionGate::Place second;
    CHECK_FALSE(gate.enter(ip("203.0.113.1"), first).refusal);
    CHECK(gate.enter(ip("203.0.113.1"), second).refusal == Failure::client_limit);
    CHECK_FALSE(gate.enter(ip("203.0.113.2"), other).refusal);
  }
  ConnectionGate::Place again;
  CHECK_FALSE(gate.enter(ip("203.0.113.1"), again).refusal);
}

TEST_CASE("connection gate: an IPv6 client is its /64", "[limits]") {
  ConnectionGate gate({100, 1});
  ConnectionGate::Place first;
  ConnectionGate::Place same;
  ConnectionGate::Place neighbour;
  CHECK_FALSE(gate.enter(ip("2001:db8:0:1::1"), first).refusal);
  CHECK(gate.enter(ip("2001:db8:0:1:ffff::2"), same).refusal == Failure::client_limit);
  CHECK_FALSE(gate.enter(ip("2001:db8:0:2::1"), neighbour).refusal);
}

// hardening T-HS
TEST_CASE("connection gate: handshakes have a limit of their own, in all and for each client", "[limits]") {
  ConnectionGate gate({100, 0, 3, 2});
  CHECK(gate.has_handshake_room());
  std::vector<std::unique_ptr<ConnectionGate::Place>> places;
  const auto begin = [&](std::string_view client) {
    places.push_back(std::make_unique<ConnectionGate::Place>());
    REQUIRE_FALSE(gate.enter(ip(client), *places.back()).refusal);
    return gate.begin_handshake(*places.back());
  };
  CHECK_FALSE(begin("203.0.113.1"));
  CHECK_FALSE(begin("203.0.113.1"));
  CHECK(begin("203.0.113.1") == LimitLabel::handshakes_per_client);
  places.pop_back();  // Closed, and its place given back.
  CHECK_FALSE(begin("203.0.113.2"));
  CHECK_FALSE(gate.has_handshake_room());
  for (int i = 0; i < 16; ++i) CHECK_FALSE(begin("203.0.113." + std::to_string(10 + i)));
  CHECK(begin("203.0.113.3") == LimitLabel::handshakes);
  places.resize(3);
  gate.end_handshake(*places[0]);
  CHECK_FALSE(begin("203.0.113.1"));
  places.clear();
  CHECK(gate.count() == 0);
  CHECK_FALSE(begin("203.0.113.1"));
}

TEST_CASE("file watch: a write, a rename over it, and a symlink swap above it are all seen", "[reload]") {
  namespace fs = std::filesystem;
  const tests::TemporaryFolder folder;
  const fs::path plain = folder.path() / "plain";
  std::ofstream(plain) << "1";
  fs::create_directory(folder.path() / "v1");
  fs::create_directory(folder.path() / "v2");
  for (const char* version : {"v1", "v2"}) std::ofstream(folder.path() / version / "file") << version;
  fs::create_directory_symlink("v1", folder.path() / "..data");
  fs::create_symlink("..data/file", folder.path() / "linked");

  Loop loop;
  int changes = 0;
  FileWatch watch(loop, [&] { ++changes; });
  watch.watch({plain.string(), (folder.path() / "linked").string()});
  const auto wait_for = [&](int count) {
    for (int i = 0; i < 500 && changes < count; ++i) loop.run_once(milliseconds(10));
    return changes;
  };
  std::ofstream(plain) << "2";
  CHECK(wait_for(1) == 1);
  std::ofstream(folder.path() / "new") << "3";
  fs::rename(folder.path() / "new", plain);
  CHECK(wait_for(2) >= 2);
  const int before = changes;
  fs::create_directory_symlink("v2", folder.path() / "..data_tmp");
  fs::rename(folder.path() / "..data_tmp", folder.path() / "..data");
  CHECK(wait_for(before + 1) > before);
}

}  // namespace sandgate::proxy

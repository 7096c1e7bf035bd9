#include <proxy/registry/redis/cache.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <string>

namespace sandgate::proxy::registry::redis {
namespace {

using std::chrono::seconds;

SandboxId id_of(const std::string& text) { return *SandboxId::parse(text); }
SandboxId id_of(int number) { return id_of("s" + std::to_string(number)); }
const TimePoint kStart = TimePoint() + seconds(1000);

struct Fixture {
  std::map<std::string, std::optional<std::uint64_t>, std::less<>> uses;
  Cache cache;

  explicit Fixture(Cache::Limits limits)
      : cache(limits, [this](const SandboxId& id) {
          const auto at = uses.find(id.view());
          return at == uses.end() ? std::optional<std::uint64_t>(0) : at->second;
        }) {}

  void keep(const SandboxId& id, Known known = Known::record, TimePoint until = kNever) {
    cache.keep(id, known, 100, until);
  }
  std::vector<std::string> evict() {
    std::vector<std::string> names;
    for (const SandboxId& id : cache.evict()) names.emplace_back(id.view());
    return names;
  }
};

using Names = std::vector<std::string>;

TEST_CASE("cache: what is kept is known until it is dropped", "[redis]") {
  Fixture f({10, 1'000'000});
  f.keep(id_of("a"));
  f.keep(id_of("b"), Known::absent);
  CHECK(f.cache.find(id_of("a")) == Known::record);
  CHECK(f.cache.find(id_of("b")) == Known::absent);
  f.keep(id_of("b"));
  CHECK(f.cache.find(id_of("b")) == Known::record);
  f.cache.drop(id_of("a"));
  f.cache.drop(id_of("a"));
  CHECK_FALSE(f.cache.find(id_of("a")));
  CHECK(f.cache.size() == 1);
  f.cache.drop(id_of("b"));
  CHECK(f.cache.bytes() == 0);
}

TEST_CASE("cache: a key's end is told once, at its time and not before", "[redis]") {
  Fixture f({10, 1'000'000});
  f.keep(id_of("late"), Known::record, kStart + seconds(9));
  f.keep(id_of("soon"), Known::record, kStart + seconds(5));
  f.keep(id_of("never"));
  CHECK(f.cache.next_due() == kStart + seconds(5));
  CHECK(f.cache.take_due(kStart + seconds(4)).empty());
  REQUIRE(f.cache.take_due(kStart + seconds(5)).size() == 1);
  CHECK(f.cache.take_due(kStart + seconds(5)).empty());
  CHECK(f.cache.find(id_of("soon")));
  CHECK(f.cache.next_due() == kStart + seconds(9));
}

TEST_CASE("cache: a key whose time is moved dies at the new one", "[redis]") {
  Fixture f({10, 1'000'000});
  f.keep(id_of("a"), Known::record, kStart + seconds(5));
  f.keep(id_of("a"), Known::record, kStart + seconds(50));
  CHECK(f.cache.take_due(kStart + seconds(6)).empty());
  f.keep(id_of("a"));
  CHECK(f.cache.next_due() == kNever);
}

TEST_CASE("cache: the one that was not used gives way", "[redis]") {
  Fixture f({3, 1'000'000});
  for (const char* name : {"a", "b", "c"}) f.keep(id_of(name));
  f.uses["a"] = 7;
  f.uses["c"] = 1;
  f.keep(id_of("d"));
  CHECK(f.evict() == Names{"b"});
  f.uses["d"] = 1;
  f.uses["a"] = 8;  // used again since it was passed over
  f.keep(id_of("e"));
  f.uses["e"] = 1;
  CHECK(f.evict() == Names{"c"});
}

TEST_CASE("cache: what is used stays whatever passes through", "[redis]") {
  constexpr int kHot = 50;
  Fixture f({100, 1'000'000});
  for (int i = 0; i < kHot; ++i) f.keep(id_of(i));
  for (int i = 1000; i < 11'000; ++i) {
    for (int hot = 0; hot < kHot; ++hot) f.uses["s" + std::to_string(hot)] = static_cast<std::uint64_t>(i);
    f.keep(id_of(i));
    f.evict();
    REQUIRE(f.cache.size() <= 100);
  }
  for (int i = 0; i < kHot; ++i) CHECK(f.cache.find(id_of(i)));
}

TEST_CASE("cache: what is open to a sandbox is never dropped", "[redis]") {
  Fixture f({2, 1'000'000});
  for (const char* name : {"a", "b", "c"}) {
    f.uses[name] = std::nullopt;
    f.keep(id_of(name));
  }
  CHECK(f.evict().empty());
  f.uses["b"] = 3;
  CHECK(f.evict() == Names{"b"});
}

TEST_CASE("cache: names of nothing have a quarter of the room, and the oldest goes first", "[redis]") {
  Fixture f({8, 1'000'000});
  for (int i = 0; i < 6; ++i) f.keep(id_of(i));
  f.keep(id_of("x"), Known::absent);
  f.keep(id_of("y"), Known::absent);
  f.keep(id_of("z"), Known::absent);
  CHECK(f.evict() == Names{"x"});
  for (int i = 0; i < 6; ++i) CHECK(f.cache.find(id_of(i)));
}

TEST_CASE("cache: bytes are bounded as well as entries", "[redis]") {
  Fixture f({1000, 10 * (Cache::kEntryBytes + 100)});
  for (int i = 0; i < 50; ++i) {
    f.keep(id_of(i));
    f.evict();
    REQUIRE(f.cache.bytes() <= 10 * (Cache::kEntryBytes + 100));
  }
  CHECK(f.cache.size() == 10);
}

}  // namespace
}  // namespace sandgate::proxy::registry::redis

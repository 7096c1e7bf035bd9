#include <routing/route_table.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sandgate::routing {
namespace {

using Kind = RouteChange::Kind;

SandboxId id_of(std::string_view text) { return *SandboxId::parse(text); }

RoutePtr make_route(const SandboxId& id, std::string generation, std::string_view address = "10.0.0.5") {
  const auto route = std::make_shared<Route>();
  route->id = id;
  route->address = *config::IpAddress::parse(address);
  route->generation = std::move(generation);
  return route;
}

Applied put(RouteTable& table, std::string_view id, std::string generation) {
  return table.apply({Kind::put, id_of(id), make_route(id_of(id), std::move(generation))});
}

Applied put_invalid(RouteTable& table, std::string_view id) {
  return table.apply({Kind::put_invalid, id_of(id), nullptr});
}

Applied remove(RouteTable& table, std::string_view id) { return table.apply({Kind::remove, id_of(id), nullptr}); }

TEST_CASE("route_table: an unknown id is not found", "[routing]") {
  const RouteTable table;
  const Lookup lookup = table.find(id_of("abc"));
  CHECK(lookup.result == LookupResult::not_found);
  CHECK_FALSE(lookup.route);
  CHECK_FALSE(lookup.usage);
}

TEST_CASE("route_table: a route is found once it is put, and by no other id", "[routing]") {
  RouteTable table;
  const RoutePtr route = make_route(id_of("abc"), "1");
  const Applied applied = table.apply({Kind::put, id_of("abc"), route});
  CHECK_FALSE(applied.existed);
  CHECK_FALSE(applied.generation_ended);
  const Lookup lookup = table.find(id_of("ABC"));
  CHECK(lookup.result == LookupResult::found);
  CHECK(lookup.route == route);
  CHECK(lookup.usage);
  CHECK(table.find(id_of("abcd")).result == LookupResult::not_found);
}

TEST_CASE("route_table: another generation ends the one before", "[routing]") {
  RouteTable table;
  put(table, "abc", "1");
  const auto usage = table.find(id_of("abc")).usage;
  const Applied applied = put(table, "abc", "2");
  CHECK(applied.existed);
  CHECK(applied.generation_ended);
  CHECK(applied.usage == usage);
  CHECK(table.find(id_of("abc")).route->generation == "2");
}

TEST_CASE("route_table: a change of anything but the generation is for the next request", "[routing]") {
  RouteTable table;
  put(table, "abc", "1");
  const RoutePtr moved = make_route(id_of("abc"), "1", "10.0.0.6");
  const Applied applied = table.apply({Kind::put, id_of("abc"), moved});
  CHECK(applied.existed);
  CHECK_FALSE(applied.generation_ended);
  CHECK(table.find(id_of("abc")).route == moved);
}

TEST_CASE("route_table: usage outlives changes of the route, invalid ones too", "[routing]") {
  RouteTable table;
  put(table, "abc", "1");
  const auto usage = table.find(id_of("abc")).usage;
  put(table, "abc", "2");
  CHECK(table.find(id_of("abc")).usage == usage);
  CHECK(put_invalid(table, "abc").usage == usage);
  CHECK(put_invalid(table, "abc").usage == usage);
  CHECK(put(table, "abc", "3").usage == usage);
  CHECK(table.find(id_of("abc")).usage == usage);
}

TEST_CASE("route_table: usage is the sandbox's own and starts from nothing after a removal", "[routing]") {
  RouteTable table;
  put(table, "abc", "1");
  put(table, "def", "1");
  const auto usage = table.find(id_of("abc")).usage;
  usage->active = 7;
  CHECK(table.find(id_of("def")).usage != usage);
  remove(table, "abc");
  put(table, "abc", "1");
  CHECK(table.find(id_of("abc")).usage->active == 0);
}

TEST_CASE("route_table: nobody looked, nothing is live", "[routing]") {
  RouteTable table;
  put(table, "abc", "1");
  const Applied applied = put(table, "abc", "2");
  CHECK(applied.generation_ended);
  CHECK_FALSE(applied.usage);
}

TEST_CASE("route_table: a removed route is gone and its generation over", "[routing]") {
  RouteTable table;
  put(table, "abc", "1");
  const auto usage = table.find(id_of("abc")).usage;
  const Applied applied = remove(table, "abc");
  CHECK(applied.existed);
  CHECK(applied.generation_ended);
  CHECK(applied.usage == usage);
  CHECK(table.find(id_of("abc")).result == LookupResult::not_found);
}

TEST_CASE("route_table: removing what is not there does nothing", "[routing]") {
  RouteTable table;
  const Applied applied = remove(table, "abc");
  CHECK_FALSE(applied.existed);
  CHECK_FALSE(applied.generation_ended);
  CHECK_FALSE(applied.usage);
}

TEST_CASE("route_table: an invalid record takes its id out of service", "[routing]") {
  RouteTable table;
  put(table, "abc", "1");
  const Applied applied = put_invalid(table, "abc");
  CHECK(applied.existed);
  CHECK(applied.generation_ended);
  const Lookup lookup = table.find(id_of("abc"));
  CHECK(lookup.result == LookupResult::invalid);
  CHECK_FALSE(lookup.route);
}

TEST_CASE("route_table: an invalid id has no generation to end", "[routing]") {
  RouteTable table;
  CHECK_FALSE(put_invalid(table, "abc").existed);
  const Applied again = put_invalid(table, "abc");
  CHECK(again.existed);
  CHECK_FALSE(again.generation_ended);
  const Applied mended = put(table, "abc", "1");
  CHECK(mended.existed);
  CHECK_FALSE(mended.generation_ended);
  CHECK(table.find(id_of("abc")).result == LookupResult::found);
}

TEST_CASE("route_table: an invalid id can be removed", "[routing]") {
  RouteTable table;
  put_invalid(table, "abc");
  const Applied applied = remove(table, "abc");
  CHECK(applied.existed);
  CHECK_FALSE(applied.generation_ended);
  CHECK(table.find(id_of("abc")).result == LookupResult::not_found);
}

TEST_CASE("route_table: valid and invalid ids are counted apart and listed together", "[routing]") {
  RouteTable table;
  put(table, "a", "1");
  put(table, "b", "1");
  put(table, "b", "2");
  put_invalid(table, "c");
  put_invalid(table, "c");
  put(table, "d", "1");
  put_invalid(table, "d");
  put_invalid(table, "e");
  put(table, "e", "1");
  put(table, "f", "1");
  remove(table, "f");
  put_invalid(table, "g");
  remove(table, "g");
  CHECK(table.size() == 3);
  CHECK(table.invalid_count() == 2);
  std::string listed;
  for (const SandboxId& id : table.ids()) listed += id.view();
  std::sort(listed.begin(), listed.end());
  CHECK(listed == "abcde");
}

TEST_CASE("route_table: a route in use outlives its removal", "[routing]") {
  RouteTable table;
  put(table, "abc", "1");
  const Lookup lookup = table.find(id_of("abc"));
  remove(table, "abc");
  CHECK(lookup.route->generation == "1");
  lookup.usage->active = 1;
}

TEST_CASE("route_table: many routes are all found, with room made or without", "[routing]") {
  constexpr std::size_t kRoutes = 20'000;
  RouteTable table;
  if (GENERATE(false, true)) table.reserve(kRoutes);
  for (std::size_t i = 0; i < kRoutes; ++i) put(table, "sandbox" + std::to_string(i), std::to_string(i));
  CHECK(table.size() == kRoutes);
  CHECK(table.ids().size() == kRoutes);
  for (std::size_t i = 0; i < kRoutes; i += 2) remove(table, "sandbox" + std::to_string(i));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kRoutes; ++i) {
    const Lookup lookup = table.find(id_of("sandbox" + std::to_string(i)));
    const bool is_right = i % 2 == 0 ? lookup.result == LookupResult::not_found
                                     : lookup.route && lookup.route->generation == std::to_string(i);
    if (!is_right) ++wrong;
  }
  CHECK(wrong == 0);
}

/// Four ids that a writer changes in every way while readers look them up.
class Turmoil {
 public:
  void read() {
    while (!is_over_) {
      for (const SandboxId& id : ids_) {
        const Lookup lookup = table_.find(id);
        const bool is_found = lookup.result == LookupResult::found;
        if (is_found != (lookup.route != nullptr) || is_found != (lookup.usage != nullptr)) ++wrong_;
        if (is_found && !(lookup.route->id == id)) ++wrong_;
        if (is_found) ++lookup.usage->exchanges;
      }
      ++rounds_;
    }
  }

  void write() {
    for (int i = 0; i < 2000 || rounds_ < 100; ++i) {
      for (const SandboxId& id : ids_) change(id, i);
    }
    is_over_ = true;
  }

  int wrong() const { return wrong_; }
  const RouteTable& table() const { return table_; }

 private:
  void change(const SandboxId& id, int i) {
    const Kind kind = i % 5 == 4 ? Kind::remove : i % 7 == 6 ? Kind::put_invalid : Kind::put;
    table_.apply({kind, id, kind == Kind::put ? make_route(id, std::to_string(i / 2)) : nullptr});
  }

  RouteTable table_;
  const std::vector<SandboxId> ids_ = {id_of("a"), id_of("b"), id_of("c"), id_of("d")};
  std::atomic<bool> is_over_{false};
  std::atomic<int> rounds_{0};
  std::atomic<int> wrong_{0};
};

TEST_CASE("route_table: an entry is as good as its trust", "[routing]") {
  const auto [standing, route, invalid, absent] = GENERATE(table<Standing, LookupResult, LookupResult, LookupResult>({
      {Standing::fresh, LookupResult::found, LookupResult::invalid, LookupResult::not_found},
      {Standing::doubtful, LookupResult::unknown, LookupResult::unknown, LookupResult::unknown},
      {Standing::stale, LookupResult::found, LookupResult::invalid, LookupResult::unknown},
  }));
  RouteTable table;
  table.hold_part();
  const TrustPtr trust(new Trust(Standing::fresh));
  table.apply({Kind::put, id_of("route"), make_route(id_of("route"), "1"), trust});
  table.apply({Kind::put_invalid, id_of("invalid"), nullptr, trust});
  table.apply({Kind::put_absent, id_of("absent"), nullptr, trust});
  trust->become(standing);
  const Lookup found = table.find(id_of("route"));
  CHECK(found.result == route);
  CHECK(found.is_stale == (standing == Standing::stale));
  CHECK(found.route);  // What was known is told, however it stands.
  CHECK(table.find(id_of("invalid")).result == invalid);
  CHECK(table.find(id_of("absent")).result == absent);
  CHECK(table.find(id_of("other")).result == LookupResult::unknown);
}

TEST_CASE("route_table: one entry can be doubted without the others of its session", "[routing]") {
  RouteTable table;
  const TrustPtr trust(new Trust(Standing::fresh));
  table.apply({Kind::put, id_of("a"), make_route(id_of("a"), "1"), trust});
  table.apply({Kind::put, id_of("b"), make_route(id_of("b"), "1"), trust});
  table.entrust(id_of("a"), TrustPtr(new Trust(Standing::doubtful)));
  table.entrust(id_of("none"), TrustPtr(new Trust(Standing::doubtful)));
  CHECK(table.find(id_of("a")).result == LookupResult::unknown);
  CHECK(table.find(id_of("b")).result == LookupResult::found);
  table.apply({Kind::put, id_of("a"), make_route(id_of("a"), "1"), trust});
  CHECK(table.find(id_of("a")).result == LookupResult::found);
}

TEST_CASE("route_table: that a sandbox is not there ends what was open to it", "[routing]") {
  RouteTable table;
  table.hold_part();
  put(table, "abc", "1");
  CHECK_FALSE(table.usage_of(id_of("abc")));
  const auto usage = table.find(id_of("abc")).usage;
  CHECK(table.usage_of(id_of("abc")) == usage);
  const Applied applied = table.apply({Kind::put_absent, id_of("abc"), nullptr, nullptr});
  CHECK(applied.existed);
  CHECK(applied.generation_ended);
  CHECK(applied.usage == usage);
  CHECK(table.find(id_of("abc")).result == LookupResult::not_found);
  CHECK(table.size() == 0);
  CHECK(table.ids().empty());
  CHECK_FALSE(table.apply({Kind::remove, id_of("abc"), nullptr, nullptr}).existed);
  CHECK(table.find(id_of("abc")).result == LookupResult::unknown);
}

TEST_CASE("route_table: a change of access within a generation is told", "[routing]") {
  RouteTable table;
  const auto with_access = [](bool is_public) {
    auto route = std::make_shared<Route>(*make_route(id_of("abc"), "1"));
    route->access.allow_public_traffic = is_public;
    return route;
  };
  CHECK_FALSE(table.apply({Kind::put, id_of("abc"), with_access(true)}).access_changed);
  CHECK_FALSE(table.apply({Kind::put, id_of("abc"), with_access(true)}).access_changed);
  const Applied applied = table.apply({Kind::put, id_of("abc"), with_access(false)});
  CHECK(applied.access_changed);
  CHECK_FALSE(applied.generation_ended);
}

TEST_CASE("route_table: readers see whole entries while they change", "[routing]") {
  Turmoil turmoil;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back([&turmoil] { turmoil.read(); });
  turmoil.write();
  for (std::thread& reader : readers) reader.join();
  CHECK(turmoil.wrong() == 0);
  CHECK(turmoil.table().ids().size() == turmoil.table().size() + turmoil.table().invalid_count());
}

TEST_CASE("route_table: writers of different ids do not lose each other's changes", "[routing]") {
  constexpr std::size_t kWriters = 4;
  constexpr std::size_t kRoutes = 2000;
  RouteTable table;
  std::vector<std::thread> writers;
  for (std::size_t writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&table, writer] {
      for (std::size_t i = 0; i < kRoutes; ++i) put(table, std::to_string(writer) + "w" + std::to_string(i), "1");
    });
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(table.size() == kWriters * kRoutes);
  CHECK(table.ids().size() == kWriters * kRoutes);
}

}  // namespace
}  // namespace sandgate::routing

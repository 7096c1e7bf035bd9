#include <proxy/net/listener.hpp>
#include <proxy/net/socket_address.hpp>
#include <proxy/upstream/pool.hpp>
#include <tests/support/h2_wire.hpp>

#include <catch2/catch.hpp>

#include <memory_resource>
#include <vector>

namespace sandgate::proxy::upstream {
namespace {

/// The pool of a worker, and a sandbox on loopback whose end of each connection the test holds.
class PoolWithSandbox {
 public:
  PoolWithSandbox() {
    routing::Route route;
    route.id = *routing::SandboxId::parse("sbx1");
    route.address = *config::IpAddress::parse("127.0.0.1");
    route.generation = "one";
    destination.route = std::make_shared<const routing::Route>(std::move(route));
    destination.sandbox_port = net::SocketAddress::of_socket(listener_.number())->port();
    routes_.apply({routing::RouteChange::Kind::put, destination.route->id, destination.route});
    destination.usage = routes_.find(destination.route->id).usage;
  }

  Loop loop;
  Metrics metrics;
  Destination destination;
  std::vector<UniqueFd> sandbox_ends;

  std::uint64_t count(UpstreamState state) const {
    return metrics.upstream_connections[static_cast<std::size_t>(state)].value();
  }

  /// One GET and its answer.
  Task<void> get(bool& is_reused) {
    Attempt attempt;
    std::pmr::monotonic_buffer_resource memory;
    const Result<UpstreamPtr> opened = co_await pool_.open(destination, Reuse::allowed, attempt, &memory);
    REQUIRE(opened.has_value());
    is_reused = (*opened)->is_reused();
    http::RequestHead request(&memory);
    request.method = "GET";
    request.target = "/";
    request.authority = "a.test";
    const Result<void> sent = co_await (*opened)->send_head(request, Flush::now);
    REQUIRE(sent.has_value());
    http::ResponseHead response(&memory);
    const Result<void> answered = co_await (*opened)->read_head(response);
    REQUIRE(answered.has_value());
    const Result<Part> end = co_await (*opened)->response().read();
    REQUIRE(end.has_value());
  }

  /// What the sandbox does in between: it accepts, and answers whatever it reads.
  void move() {
    UniqueFd accepted(::accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted) sandbox_ends.push_back(std::move(accepted));
    for (const UniqueFd& end : sandbox_ends) {
      std::array<char, 1024> bytes;
      if (::recv(end.number(), bytes.data(), bytes.size(), 0) <= 0) continue;
      constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
      REQUIRE(::send(end.number(), answer.data(), answer.size(), MSG_NOSIGNAL) > 0);
    }
  }

 private:
  UniqueFd listener_ = net::open_listening_socket(*config::Endpoint::parse("127.0.0.1:0"), false);
  BufferPool buffers_;
  routing::RouteTable routes_;
  std::shared_ptr<const config::Config> config_ = std::make_shared<const config::Config>(config::default_config());
  std::shared_ptr<const DialPolicy> dial_policy_ =
      std::make_shared<const DialPolicy>(std::vector{*config::IpRange::parse("127.0.0.0/8")},
                                         std::vector<config::IpAddress>{}, std::vector<config::Endpoint>{});
  Pool pool_{{loop, buffers_, metrics, routes_, config_, dial_policy_, {}}};
};

/// A GET that begins when the loop comes to it.
class Getting final : public Runnable {
 public:
  explicit Getting(PoolWithSandbox& pool) : Runnable(&run), pool_(pool) { pool.loop.schedule(*this); }
  bool is_done = false;
  bool is_reused = false;

 private:
  static void run(Runnable& self) { static_cast<Getting&>(self).begin(); }
  Detached begin() {
    co_await pool_.get(is_reused);
    is_done = true;
  }
  PoolWithSandbox& pool_;
};

bool finish(PoolWithSandbox& pool, const Getting& getting) {
  return tests::run_until(
      pool.loop, [&] { pool.move(); }, [&] { return getting.is_done; });
}

}  // namespace

TEST_CASE("pool: a connection rests after its exchange and serves the next", "[pool]") {
  PoolWithSandbox pool;
  Getting first(pool);
  REQUIRE(finish(pool, first));
  CHECK_FALSE(first.is_reused);
  CHECK(pool.count(UpstreamState::idle) == 1);
  Getting second(pool);
  REQUIRE(finish(pool, second));
  CHECK(second.is_reused);
  CHECK(pool.sandbox_ends.size() == 1);
}

// The end of an idle connection and the request that would take it come in one round of the loop, the request first:
// the pool must see by itself that the connection is of no use, and the shelf goes with its last one.
TEST_CASE("pool: a connection that ended in this round is not taken, were it the last of its sandbox or not",
          "[pool]") {
  for (const std::size_t idle : {1, 2, 3}) {
    PoolWithSandbox pool;
    std::vector<std::unique_ptr<Getting>> together;
    for (std::size_t i = 0; i < idle; ++i) together.push_back(std::make_unique<Getting>(pool));
    for (const auto& getting : together) REQUIRE(finish(pool, *getting));
    REQUIRE(pool.count(UpstreamState::idle) == idle);
    pool.sandbox_ends.clear();
    Getting last(pool);  // Runs before whatever the round's events schedule.
    pool.loop.run_once(std::chrono::milliseconds(100));
    CHECK(pool.count(UpstreamState::idle) == 0);
    REQUIRE(finish(pool, last));
    CHECK_FALSE(last.is_reused);
    CHECK(pool.sandbox_ends.size() == 1);
    CHECK(pool.destination.usage->connections == 1);
  }
}

}  // namespace sandgate::proxy::upstream

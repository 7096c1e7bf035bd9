// Every I/O operation and every request for memory of an exchange fails, one at a time, in every kind of exchange: the
// exchange is in the log once, under an outcome that fits; nothing leaks, and the next one is served.
//
// SANDGATE_FAULTS=all tries every single place; without it a sample of each kind of failure, which moves from shape to
// shape.
#include <tests/faults/trial.hpp>
#include <tests/support/test_certificate.hpp>

#include <catch2/catch.hpp>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>

namespace sandgate::tests {
namespace {

using namespace sandgate::proxy;

constexpr std::uint64_t kSample = 60;  // Places for each kind of failure.

std::string authority(std::uint16_t port, std::string_view id) {
  return std::to_string(port) + "-" + std::string(id) + ".sandbox.test";
}

Script h1(std::string_view line, std::uint16_t port, std::string_view id, std::string_view more) {
  Script script;
  script.request.append(line).append(" HTTP/1.1\r\nHost: ").append(authority(port, id)).append("\r\n").append(more);
  return script;
}

/// Its texts live as long as the program.
Script h2(std::string_view method, std::uint16_t port, std::string_view id, http::BodyLength body) {
  static std::set<std::string> texts;
  Script script;
  http::RequestHead head;
  head.method = method;
  head.target = "/";
  head.authority = *texts.insert(authority(port, id)).first;
  head.body = body;
  script.h2 = head;
  return script;
}

const http::Fields& trailers() {
  static const http::Fields fields = [] {
    http::Fields made;
    made.add("x-checksum", "1");
    return made;
  }();
  return fields;
}

constexpr http::BodyLength kNoBody{};
constexpr http::BodyLength kSomeBody{http::BodyLength::Kind::until_end, 0};

Script h1_get(std::uint16_t port) { return h1("GET /", port, "open", "\r\n"); }
Script h1_post(std::uint16_t port) {
  return h1("POST /", port, "open",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nx-checksum: 1\r\n\r\n");
}
Script h1_websocket(std::uint16_t port) {
  return h1("GET /", port, "open",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
}
Script h1_private(std::uint16_t port) {
  return h1("GET /", port, "locked", "e2b-traffic-access-token: secret\r\n\r\n");
}
Script h1_bulk(std::uint16_t port) { return h1("GET /bulk", port, "open", "\r\n"); }
Script h1_refused(std::uint16_t port) { return h1("GET /", port, "absent", "\r\n"); }
Script h2_get(std::uint16_t port) { return h2("GET", port, "open", kNoBody); }
Script h2_post(std::uint16_t port) {
  Script script = h2("POST", port, "open", kSomeBody);
  script.body = "hello world";
  script.trailers = &trailers();
  return script;
}
Script h2_grpc(std::uint16_t port) {
  Script script = h2_post(port);
  script.h2->fields.add("content-type", "application/grpc");
  script.h2->fields.add("te", "trailers");
  return script;
}
Script h2_refused(std::uint16_t port) { return h2("GET", port, "absent", kNoBody); }

std::vector<Shape> shapes() {
  const std::string bulk(300'000, 'b');
  std::vector<Shape> plain{
      {"h1 GET", false, "ok", 200, "hello", h1_get},
      {"h1 POST in chunks with trailers", false, "ok", 200, "hello", h1_post},
      {"h1 WebSocket", false, "ok", 101, "echo", h1_websocket},
      {"h1 private", false, "ok", 200, "hello", h1_private},
      {"h1 refusal", false, "sandbox_not_found", 502, "", h1_refused},
      {"h1 bulk", false, "ok", 200, bulk, h1_bulk},
      {"h2 GET", false, "ok", 200, "hello", h2_get},
      {"h2 POST with trailers", false, "ok", 200, "hello", h2_post},
      {"h2 gRPC", false, "ok", 200, "hello", h2_grpc},
      {"h2 refusal", false, "sandbox_not_found", 502, "", h2_refused},
  };
  std::vector<Shape> all = plain;
  for (Shape& shape : plain) {
    shape.is_tls = true;
    shape.name += " over TLS";
    all.push_back(shape);
  }
  return all;
}

/// The edge with and without TLS, the records, and the log that all trials write to.
class Ground {
 public:
  Ground() : log_(std::make_unique<AccessLog>(log_path())), ticket_keys_(Clock::now()) {
    std::signal(SIGPIPE, SIG_IGN);
    client_tls.reset(SSL_CTX_new(TLS_client_method()));
    certificate_ = make_certificate(folder_.path(), "edge", "*.sandbox.test");
    for (Foundation* foundation : {&plain, &tls}) prepare(*foundation, foundation == &tls);
  }

  Foundation plain;
  Foundation tls;
  net::ContextPtr client_tls;

  Trial try_one(const Shape& shape, std::optional<Fault> fault) {
    Trial trial = try_fault(shape.is_tls ? tls : plain, shape.is_tls ? client_tls.get() : nullptr, shape, fault);
    exchanges_ += trial.exchanges;
    return trial;
  }
  /// Every exchange that was counted has its line, and nothing else has one. The last thing that is asked.
  void check_log() {
    log_.reset();
    std::ifstream file(log_path());
    const auto lines = std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n');
    CHECK(static_cast<std::uint64_t>(lines) == exchanges_);
  }

 private:
  void prepare(Foundation& foundation, bool is_tls) {
    config::Config config = config::default_config();
    config.domains = {"sandbox.test"};
    config.upstream.allow = {*config::IpRange::parse("127.0.0.0/8")};
    config::Listener listener;
    listener.address = *config::Endpoint::parse("127.0.0.1:0");
    if (is_tls) listener.tls.emplace().certificates = {certificate_};
    config.listeners = {listener};
    foundation.settings = std::get<Settings>(load_settings(config, ticket_keys_, net::Expired::refuse));
    foundation.log = log_->make_writer();
    registry::Registry& registry = foundation.registry;
    REQUIRE_FALSE(registry.put(*routing::SandboxId::parse("open"), R"({"address":"127.0.0.1"})"));
    REQUIRE_FALSE(registry.put(*routing::SandboxId::parse("locked"),
                               R"({"address":"127.0.0.1","allow_public_traffic":false,)"
                               R"("traffic_access_token":"secret","mask_request_host":"localhost:${PORT}"})"));
    registry.mark_loaded();
    for (const char* id : {"open", "locked"}) registry.find(*routing::SandboxId::parse(id));
  }

  std::string log_path() const { return (folder_.path() / "access.log").string(); }

  std::uint64_t exchanges_ = 0;
  TemporaryFolder folder_;
  std::unique_ptr<AccessLog> log_;
  net::TicketKeys ticket_keys_;
  config::Certificate certificate_;
};

bool tries_all() {
  const char* const what = std::getenv("SANDGATE_FAULTS");
  return what != nullptr && std::string_view(what) == "all";
}

/// What became of the trials of one kind of failure.
struct Tally {
  std::uint64_t trials = 0;
  std::map<std::string, std::uint64_t> outcomes;
};

void report(const Shape& shape, const std::string& kind, const Tally& tally) {
  std::cout << shape.name << " | " << kind << " | " << tally.trials << " |";
  for (const auto& [outcome, count] : tally.outcomes) std::cout << ' ' << outcome << ' ' << count;
  std::cout << '\n' << std::flush;
}

std::string describe(const Shape& shape, const Fault& fault) {
  return shape.name + ": " + name_of(fault.operation) + " " + std::to_string(fault.at) + " fails with " +
         std::to_string(fault.error) + (fault.lasts ? ", and all after it" : "");
}

std::string describe(const Trial& trial) {
  std::string text = "outcome " + trial.outcome;
  for (const std::string& wrong : trial.wrong) text += ", " + wrong;
  return text;
}

/// Every place of one kind of failure, or a sample of them.
void try_places(Ground& ground, const Shape& shape, Fault fault, std::uint64_t places) {
  const std::uint64_t step = tries_all() ? 1 : places / kSample + 1;
  Tally tally;
  for (std::uint64_t at = 1 + std::hash<std::string>{}(shape.name) % step; at <= places; at += step) {
    fault.at = at;
    INFO(describe(shape, fault));
    const Trial trial = ground.try_one(shape, fault);
    ++tally.trials;
    ++tally.outcomes[trial.outcome];
    INFO(describe(trial));
    CHECK(trial.wrong.empty());
  }
  report(shape, name_of(fault.operation) + " " + std::to_string(fault.error) + (fault.lasts ? "+" : ""), tally);
}

}  // namespace

TEST_CASE("faults: without one every shape is served", "[io][memory]") {
  Ground ground;
  for (const Shape& shape : shapes()) {
    const Trial trial = ground.try_one(shape, std::nullopt);
    INFO(shape.name << ": " << describe(trial));
    CHECK(trial.wrong.empty());
    CHECK(trial.outcome == shape.expected_outcome);
    std::cout << shape.name << ":";
    for (std::size_t i = 0; i < kOperations; ++i) {
      std::cout << ' ' << name_of(static_cast<Operation>(i)) << ' ' << trial.counts[i];
    }
    std::cout << '\n';
  }
}

TEST_CASE("faults: every request for memory of an exchange fails", "[memory]") {
  Ground ground;
  for (const Shape& shape : shapes()) {
    ground.try_one(shape, std::nullopt);  // What OpenSSL and others make once.
    const Trial trial = ground.try_one(shape, std::nullopt);
    const std::uint64_t places = trial.counts[static_cast<std::size_t>(Operation::allocation)];
    REQUIRE(places > 10);
    try_places(ground, shape, {Operation::allocation, 0, ENOMEM, false}, places);
    try_places(ground, shape, {Operation::allocation, 0, ENOMEM, true}, places);
  }
  ground.check_log();
}

TEST_CASE("faults: every I/O operation of an exchange fails", "[io]") {
  struct Kind {
    Operation operation;
    std::vector<int> errors;
  };
  const std::vector<Kind> kinds{
      {Operation::recv, {ECONNRESET, ETIMEDOUT, ENOBUFS, EINTR, EAGAIN, kOneByte}},
      {Operation::sendmsg, {ECONNRESET, EPIPE, ENOBUFS, ENOMEM, EINTR, EAGAIN, kOneByte}},
      {Operation::accept4, {ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EINTR, EAGAIN, EPROTO, EPERM}},
      {Operation::socket, {EMFILE, ENFILE, ENOBUFS, ENOMEM}},
      {Operation::connect, {ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, ETIMEDOUT, EAGAIN, ENOBUFS}},
      {Operation::getsockopt, {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ECONNRESET}},
      {Operation::epoll_ctl, {ENOMEM, ENOSPC}},
      {Operation::epoll_wait, {EINTR}},
  };
  Ground ground;
  for (const Shape& shape : shapes()) {
    const Trial trial = ground.try_one(shape, std::nullopt);
    for (const Kind& kind : kinds) {
      const std::uint64_t places = trial.counts[static_cast<std::size_t>(kind.operation)];
      for (const int error : kind.errors) try_places(ground, shape, {kind.operation, 0, error, false}, places);
    }
  }
  ground.check_log();
}

}  // namespace sandgate::tests

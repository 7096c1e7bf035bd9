// A keep-alive GET allocates nothing on the data path after warm-up: one real worker between a client and a sandbox on
// real sockets, access log on, and every request for memory of the worker's thread counted.
#include <proxy/access_log.hpp>
#include <proxy/net/socket_address.hpp>
#include <proxy/registry/registry.hpp>
#include <proxy/worker.hpp>
#include <tests/allocation/counting_malloc.hpp>
#include <tests/support/test_certificate.hpp>

#include <catch2/catch.hpp>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <sys/socket.h>
#include <thread>

namespace sandgate::tests {
namespace {

using namespace sandgate::proxy;

constexpr int kWarmUp = 200;
constexpr int kMeasured = 2'000;

UniqueFd listen_on_loopback() { return net::open_listening_socket(*config::Endpoint::parse("127.0.0.1:0"), false); }

std::uint16_t port_of(const UniqueFd& socket) { return net::SocketAddress::of_socket(socket.number())->port(); }

UniqueFd connect_to(std::uint16_t port) {
  const auto address = net::SocketAddress::from(*config::IpAddress::parse("127.0.0.1"), port);
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(socket.number(), address.data(), address.size()) == 0);
  return socket;
}

/// Answers every request on one connection, until it ends.
void be_a_sandbox(int listener) {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello";
  int accepted = -1;
  while ((accepted = ::accept(listener, nullptr, nullptr)) < 0 && errno == EAGAIN) std::this_thread::yield();
  const UniqueFd socket(accepted);
  std::array<char, 4096> request;
  while (::recv(socket.number(), request.data(), request.size(), 0) > 0) {
    if (::send(socket.number(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) < 0) return;
  }
}

class Client {
 public:
  Client(std::uint16_t port, bool is_tls) : socket_(connect_to(port)) {
    if (!is_tls) return;
    context_.reset(SSL_CTX_new(TLS_client_method()));
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_.number());
    REQUIRE(SSL_connect(ssl_.get()) == 1);
  }

  bool get(std::string_view request) {
    std::array<char, 4096> answer;
    const auto size = static_cast<int>(request.size());
    long got = 0;
    if (ssl_) {
      if (SSL_write(ssl_.get(), request.data(), size) != size) return false;
      got = SSL_read(ssl_.get(), answer.data(), answer.size());
    } else {
      if (::send(socket_.number(), request.data(), request.size(), 0) != size) return false;
      got = ::recv(socket_.number(), answer.data(), answer.size(), 0);
    }
    const std::string_view text(answer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    return text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("hello");
  }

 private:
  UniqueFd socket_;
  std::unique_ptr<SSL_CTX, net::ContextDeleter> context_;
  net::SslPtr ssl_;
};

std::uint64_t allocations_of_gets(bool is_tls) {
  const TemporaryFolder folder;
  UniqueFd sandbox = listen_on_loopback();
  const std::uint16_t sandbox_port = port_of(sandbox);
  std::thread sandbox_thread(be_a_sandbox, sandbox.number());

  config::Config config = config::default_config();
  config.domains = {"sandbox.test"};
  config.upstream.allow = {*config::IpRange::parse("127.0.0.0/8")};
  config.timeouts.drain_grace = std::chrono::milliseconds(0);
  config::Listener listener;
  listener.address = *config::Endpoint::parse("127.0.0.1:0");
  if (is_tls) {
    listener.tls.emplace();
    listener.tls->certificates = {make_certificate(folder.path(), "edge", "*.sandbox.test")};
  }
  config.listeners = {listener};

  net::TicketKeys ticket_keys(Clock::now());
  const auto settings = std::get<Settings>(load_settings(config, ticket_keys, net::Expired::refuse));
  registry::Registry registry;
  REQUIRE_FALSE(registry.put(*routing::SandboxId::parse("sbx1"),
                             R"({"address":"127.0.0.1","allow_public_traffic":false,"traffic_access_token":"secret",)"
                             R"("mask_request_host":"localhost:${PORT}"})"));
  registry.mark_loaded();
  ConnectionGate gate({100});
  AccessLog log((folder.path() / "access.log").string());
  const Worker::Shared shared{registry, gate, 1};
  auto worker = std::make_unique<Worker>(shared, settings, log.make_writer());
  UniqueFd listening = listen_on_loopback();
  const std::uint16_t port = port_of(listening);
  worker->add_listener(0, std::move(listening));
  worker->start([] {});

  std::uint64_t result = 0;
  {
    const std::string authority = std::to_string(sandbox_port) + "-sbx1.sandbox.test";
    const std::string request = "GET /some/path?with=query HTTP/1.1\r\nHost: " + authority +
                                "\r\nUser-Agent: a test of allocations\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
                                "Origin: https://" +
                                authority + "\r\ne2b-traffic-access-token: secret\r\n\r\n";
    Client client(port, is_tls);
    for (int i = 0; i < kWarmUp; ++i) REQUIRE(client.get(request));
    const std::uint64_t before = worker_allocations();
    CHECK(before > 0);  // The counter counts.
    bool all_answered = true;
    for (int i = 0; i < kMeasured; ++i) all_answered = client.get(request) && all_answered;
    result = worker_allocations() - before;
    CHECK(all_answered);
  }
  worker->enter(DrainPhase::over);
  worker->join();
  worker.reset();  // Closes the idle connection the sandbox waits on.
  sandbox_thread.join();
  return result;
}

}  // namespace

TEST_CASE("allocation: a keep-alive GET over plain HTTP allocates nothing", "[allocation]") {
  leave_out_openssl();
  CHECK(allocations_of_gets(false) == 0);
}

TEST_CASE("allocation: a keep-alive GET over TLS allocates nothing of ours", "[allocation]") {
  CHECK(allocations_of_gets(true) == 0);
}

}  // namespace sandgate::tests

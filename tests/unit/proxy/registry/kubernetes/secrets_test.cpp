#include <proxy/base/unique_fd.hpp>
#include <proxy/registry/kubernetes/secrets.hpp>
#include <tests/unit/proxy/registry/temporary_directory.hpp>

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <new>
#include <string>
#include <sys/socket.h>

namespace sandgate::proxy::registry::kubernetes {
namespace {

/// Fails once when it is told why there is no token.
class Failing final : public Told {
 public:
  void publish(const routing::SandboxId& /*id*/, const std::string& /*record*/, const std::string& /*where*/) override {
  }
  void withdraw(const routing::SandboxId& /*id*/) override {}
  void refuse(const routing::SandboxId& /*id*/, const routing::RecordError& error) override {
    if (error.text.find("may not be read") == std::string::npos) return;
    if (++refusals == 1) throw std::bad_alloc();
  }
  void reject(const std::string& /*object*/, const routing::RecordError& /*error*/) override {}
  void forget_rejected(const std::string& /*object*/) override {}

  int refusals = 0;
};

/// Answers 403 to whoever is there, whatever it asks.
class Forbidding {
 public:
  Forbidding() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listening_.number(), generic, size) == 0);
    REQUIRE(::listen(listening_.number(), 4) == 0);
    REQUIRE(::getsockname(listening_.number(), generic, &size) == 0);
    port_ = ntohs(address.sin_port);
  }

  std::string kubeconfig() const {
    return R"({"apiVersion":"v1","kind":"Config","current-context":"here","users":[{"name":"edge","user":{}}],)"
           R"("contexts":[{"name":"here","context":{"cluster":"it","user":"edge"}}],)"
           R"("clusters":[{"name":"it","cluster":{"server":"http://127.0.0.1:)" +
           std::to_string(port_) + R"("}}]})";
  }
  /// To be called again and again: whoever came is answered once it has asked.
  void serve() {
    if (!peer_) peer_ = UniqueFd(::accept4(listening_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    std::string asked(4096, '\0');
    if (!peer_ || ::recv(peer_.number(), asked.data(), asked.size(), 0) < 0) return;
    const std::string_view text = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    static_cast<void>(::send(peer_.number(), text.data(), text.size(), MSG_NOSIGNAL));
    peer_ = UniqueFd();
  }

 private:
  UniqueFd listening_;
  UniqueFd peer_;
  std::uint16_t port_ = 0;
};

TEST_CASE("secrets: what throws is a failure as any other, and the Secret is asked for again", "[registry]") {
  Forbidding server;
  const TemporaryDirectory directory;
  config::KubernetesRegistry config;
  config.kubeconfig = directory.write("kubeconfig", server.kubeconfig());
  Loop loop;
  BufferPool buffers;
  Failing failing;
  Claims claims(failing);
  Sighting sighting;
  sighting.is_sandbox = true;
  sighting.id = routing::SandboxId::parse("a");
  sighting.record = "{}";
  sighting.token = SecretRef{"team", "mine", "token"};
  claims.see(0, {"team", "one"}, sighting);
  Secrets secrets(loop, buffers, config, claims);
  secrets.begin();
  const TimePoint until = Clock::now() + std::chrono::seconds(20);
  while (failing.refusals < 2 && !secrets.is_over() && Clock::now() < until) {
    server.serve();
    loop.run_once(std::chrono::milliseconds(20));
  }
  CHECK(failing.refusals == 2);
  CHECK(secrets.is_settled());
  CHECK_FALSE(secrets.is_over());
  secrets.stop();
  while (!secrets.is_over()) loop.run_once(std::chrono::milliseconds(20));
}

}  // namespace
}  // namespace sandgate::proxy::registry::kubernetes

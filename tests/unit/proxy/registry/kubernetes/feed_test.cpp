#include <proxy/registry/kubernetes/feed.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <system_error>

namespace sandgate::proxy::registry::kubernetes {
namespace {

class Nobody final : public Told {
 public:
  void publish(const routing::SandboxId& /*id*/, const std::string& /*record*/, const std::string& /*where*/) override {
  }
  void withdraw(const routing::SandboxId& /*id*/) override {}
  void refuse(const routing::SandboxId& /*id*/, const routing::RecordError& /*error*/) override {}
  void reject(const std::string& /*object*/, const routing::RecordError& /*error*/) override {}
  void forget_rejected(const std::string& /*object*/) override {}
};

TEST_CASE("feed: what throws is a failure as any other, and tried again", "[registry]") {
  config::KubernetesRegistry config;
  config.kubeconfig = "/nowhere/kubeconfig";
  const Rules rules(config);
  Loop loop;
  BufferPool buffers;
  Nobody nobody;
  Claims claims(nobody);
  int steps = 0;
  const auto stepped = [&steps] {
    if (++steps == 1) throw std::system_error(std::make_error_code(std::errc::too_many_files_open));
  };
  Feed feed({loop, buffers, config, rules, claims, stepped}, 0, "team", 1);
  feed.begin();
  CHECK(feed.reflector().problem().find("the edge itself failed") != std::string::npos);
  CHECK(feed.reflector().exact_at() != kNever);
  const TimePoint until = Clock::now() + std::chrono::seconds(20);
  while (steps < 2 && Clock::now() < until) loop.run_once(std::chrono::milliseconds(100));
  CHECK(steps == 2);
  CHECK_FALSE(feed.is_over());
  feed.stop();
  while (!feed.is_over()) loop.run_once(std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace sandgate::proxy::registry::kubernetes

// kubernetes: the registry source of sandboxes that are objects of a Kubernetes cluster (docs/registry.md, "Source
// kubernetes"): agent-sandbox's, labelled pods, or any other platform's by JSON paths.
//
// All there are is in the table. They are listed once and every change is told of by a watch, on a thread of its own
// ("registry"); while the API server is away the table stays as it was. Loaded once everything was listed. Read-only:
// records are changed by changing the objects.
#pragma once

#include <config/config.hpp>
#include <proxy/registry/registry.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sandgate::proxy::registry::kubernetes {

class KubernetesSource final : public Source {
 public:
  /// How long a call of the admin API waits for the source's thread.
  static constexpr std::chrono::milliseconds kPatience{2'000};

  KubernetesSource(const config::KubernetesRegistry& config, Registry& registry);
  ~KubernetesSource() override;

  std::optional<Failed> load() override;
  void stop() override;
  SourceFigures figures() const override;

  boost::system::result<std::optional<std::string>, Failed> get(const SandboxId& id) override;
  boost::system::result<std::vector<Entry>, Failed> list(std::string_view after, std::size_t limit) override;

 private:
  struct Running;

  void run(Running& running);
  /// Runs `work` on the source's thread and waits for it. False: it did not come to it in time.
  bool wait_for(std::function<void(Running&)> work);

  config::KubernetesRegistry config_;
  Registry& registry_;
  std::unique_ptr<Running> running_;
  std::thread thread_;
};

}  // namespace sandgate::proxy::registry::kubernetes

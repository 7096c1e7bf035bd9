// redis: the registry source of records that a control plane keeps in Redis, under `key_prefix` + id, as JSON.
//
// Nothing is loaded ahead: the table holds what was asked for, is told of every change, and asks again when it may not
// be sure (docs/registry.md, "Source redis"). All of that runs on a thread of its own ("registry"), so that neither a
// worker nor the control thread waits for Redis but where it says so:
//
//   worker    finds in the table; what is unknown there is a Question to this thread
//   control   get, list and write are put to this thread and waited for, kPatience at most
//
// Loaded once the first session in which every change is told of stands.
#pragma once

#include <config/config.hpp>
#include <proxy/registry/redis/orders.hpp>
#include <proxy/registry/registry.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sandgate::proxy::registry::redis {

class RedisSource final : public Source, private Resolver {
 public:
  static constexpr std::chrono::milliseconds kPatience{2'000};

  RedisSource(const config::RedisRegistry& config, Registry& registry);
  ~RedisSource() override;

  std::optional<Failed> load() override;
  void stop() override;
  SourceFigures figures() const override;
  void know(const SandboxId& id) override;

  bool is_writable() const override { return true; }
  /// Each change is whole by itself; all of them are not one transaction. After a failure some may have been made.
  boost::system::result<std::vector<bool>, Failed> write(std::span<const Change> changes) override;
  boost::system::result<Removal, Failed> remove_execution(const SandboxId& id, std::string_view execution_id) override;
  boost::system::result<std::optional<std::string>, Failed> get(const SandboxId& id) override;
  /// Looks at every key: meant for thousands of records, and fails when it takes too long.
  boost::system::result<std::vector<Entry>, Failed> list(std::string_view after, std::size_t limit) override;

 private:
  struct Running;

  void resolve(Question& question) override;
  std::optional<std::string> start();
  void run(Running& running);
  /// Runs `work` on the source's thread and waits for it.
  template <class T>
  boost::system::result<T, Failed> wait_for(std::function<Task<boost::system::result<T, Failed>>(Running&)> work);

  boost::system::result<std::vector<Reply>, Failed> order(std::vector<Order> orders);
  std::string key_of(const SandboxId& id) const;

  config::RedisRegistry config_;
  Registry& registry_;
  std::unique_ptr<Running> running_;
  std::thread thread_;
};

}  // namespace sandgate::proxy::registry::redis

// feed: one part of the cluster (a namespace, or all of it) that is listed and watched: a Reflector and its connection.
//
//   Reflector says what to ask ──▶ Api ──▶ its answers ──▶ Reflector ──▶ objects ──▶ Claims
#pragma once

#include <proxy/base/fork.hpp>
#include <proxy/registry/kubernetes/api.hpp>
#include <proxy/registry/kubernetes/claims.hpp>
#include <proxy/registry/kubernetes/reflector.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sandgate::proxy::registry::kubernetes {

class Feed final : private Listener {
 public:
  struct Environment {
    Loop& loop;
    BufferPool& buffers;
    const config::KubernetesRegistry& config;
    const Rules& rules;
    Claims& claims;
    /// After each step: whether it is listed, how exact, and what is wrong may have changed.
    std::function<void()> stepped;
  };

  Feed(const Environment& environment, std::size_t scope, std::string name_space, std::uint32_t seed);
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void begin() { running_.emplace(environment_.loop, run()); }
  void stop();
  bool is_over() const { return running_->is_done(); }

  const Reflector& reflector() const { return reflector_; }
  std::uint64_t requests() const { return api_.requests(); }
  std::uint64_t events() const { return events_; }
  std::uint64_t skipped() const { return skipped_; }
  std::uint64_t rounds() const { return rounds_; }

 private:
  Task<void> run();
  Task<void> step();
  void give_up(const char* why) noexcept;
  Task<void> ask(Reflector::Request request);
  Task<void> read_body(TimePoint deadline);
  void say_problem();

  void begin_round() override { environment_.claims.begin_round(scope_); }
  void seen(const boost::json::object& object, const ObjectName& name) override;
  void lost(const ObjectName& name) override;
  void end_round() override;
  void skipped(const std::string& what) override;

  Environment environment_;
  std::size_t scope_;
  std::string where_;  ///< For the log.
  Reflector reflector_;
  Api api_;
  std::string said_;
  std::string said_skipped_;
  std::uint64_t events_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t rounds_ = 0;
  bool is_stopping_ = false;
  std::optional<Fork> running_;
};

}  // namespace sandgate::proxy::registry::kubernetes

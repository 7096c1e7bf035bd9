// secrets: the Secrets that hold sandboxes' tokens, read one after the other and read again from time to time.
//
// `get` is the only verb this needs, of the one Secret an object names, in the object's own namespace: the edge can
// neither list Secrets nor watch them. So a new token is in force when it is read next, `watch_timeout` later at most. While the
// API server is away what was read stays; a Secret that is gone closes the sandbox.
#pragma once

#include <proxy/base/fork.hpp>
#include <proxy/registry/kubernetes/api.hpp>
#include <proxy/registry/kubernetes/backoff.hpp>
#include <proxy/registry/kubernetes/claims.hpp>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::proxy::registry::kubernetes {

/// What a Secret's JSON says of a key: the digest of the token, in hexadecimal, or why there is none.
struct SecretFound {
  std::string digest;
  std::string problem;
};
SecretFound read_secret(std::string_view json, std::string_view key);

class Secrets {
 public:
  Secrets(Loop& loop, BufferPool& buffers, const config::KubernetesRegistry& config, Claims& claims);
  Secrets(const Secrets&) = delete;
  Secrets& operator=(const Secrets&) = delete;

  void begin() { running_.emplace(loop_, run()); }
  void stop();
  bool is_over() const { return running_->is_done(); }
  /// Every Secret that is named was read, or tried at least.
  bool is_settled() const { return due_.empty() || has_failed_; }
  /// Takes over what the objects name now.
  void notice();
  std::uint64_t requests() const { return api_.requests(); }
  std::uint64_t failures() const { return failures_; }

 private:
  Task<void> run();
  /// False: nobody could say.
  Task<bool> read_one(SecretRef secret);
  Task<std::optional<std::string>> read_body(TimePoint deadline);

  Loop& loop_;
  const config::KubernetesRegistry& config_;
  Claims& claims_;
  Api api_;
  Backoff backoff_;
  std::deque<SecretRef> due_;
  TimePoint next_round_;
  std::uint64_t failures_ = 0;
  bool has_failed_ = false;
  bool is_stopping_ = false;
  std::optional<Fork> running_;
};

}  // namespace sandgate::proxy::registry::kubernetes

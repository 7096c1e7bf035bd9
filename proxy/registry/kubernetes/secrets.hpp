// secrets: the Secrets that hold sandboxes' tokens, read one after the other and read again from time to time.
//
// `get` is the only verb this needs, of the one Secret an object names, in the object's own namespace: the edge can
// neither list Secrets nor watch them. So a new token is in force when it is read next, `watch_timeout` later at most. A
// Secret that is gone (404), or has no token, closes the sandbox; what is neither that nor this very Secret says nothing:
// what was read stays, and it is asked for again by itself, without keeping the others waiting.
#pragma once

#include <proxy/base/fork.hpp>
#include <proxy/registry/kubernetes/api.hpp>
#include <proxy/registry/kubernetes/backoff.hpp>
#include <proxy/registry/kubernetes/claims.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sandgate::proxy::registry::kubernetes {

/// What a Secret's JSON says of a key: the digest of the token, in hexadecimal, or why there is none.
struct SecretFound {
  std::string digest;
  std::string problem;
};
/// Nothing: the JSON is not that Secret.
std::optional<SecretFound> read_secret(std::string_view json, const SecretRef& wanted);

class Secrets {
 public:
  Secrets(Loop& loop, BufferPool& buffers, const config::KubernetesRegistry& config, Claims& claims);
  Secrets(const Secrets&) = delete;
  Secrets& operator=(const Secrets&) = delete;

  void begin() { running_.emplace(loop_, run()); }
  void stop();
  bool is_over() const { return running_->is_done(); }
  /// Every Secret that is named was read, or tried at least.
  bool is_settled() const { return untried_.empty(); }
  /// Takes over what the objects name now.
  void notice();
  std::uint64_t requests() const { return api_.requests(); }
  std::uint64_t failures() const { return failures_; }

 private:
  /// `doubtful`: the server answers, but not what this one holds. `none`: it does not answer.
  enum class Answer : std::uint8_t { known, doubtful, none };
  struct Doubt {
    Backoff backoff;
    TimePoint ask_at;  ///< kNever: it is due.
  };

  Task<void> run();
  Task<void> step();
  void give_up(const char* why) noexcept;
  Task<Answer> read_one(SecretRef secret);
  void doubt(const SecretRef& secret, const std::string& why);
  void find_due();
  Task<std::optional<std::string>> read_body(TimePoint deadline);

  Loop& loop_;
  const config::KubernetesRegistry& config_;
  Claims& claims_;
  Api api_;
  Backoff backoff_;
  std::chrono::milliseconds pause_{0};  ///< Before the next step.
  std::deque<SecretRef> due_;
  std::optional<SecretRef> asked_;  ///< The one that is being read.
  std::set<SecretRef> untried_;     ///< Named, and neither answered nor failed to be so far.
  std::map<SecretRef, Doubt> doubts_;
  TimePoint next_round_;
  std::uint64_t failures_ = 0;
  bool is_stopping_ = false;
  std::optional<Fork> running_;
};

}  // namespace sandgate::proxy::registry::kubernetes

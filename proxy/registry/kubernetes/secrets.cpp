#include <auth/access_policy.hpp>
#include <config/base64.hpp>
#include <proxy/registry/kubernetes/secrets.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <random>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};
constexpr std::chrono::milliseconds kNap{50};
constexpr std::size_t kMaxBody = std::size_t{4} * 1024 * 1024;

}  // namespace

SecretFound read_secret(std::string_view json, std::string_view key) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse(boost::json::string_view(json.data(), json.size()), error);
  const auto* object = error ? nullptr : parsed.if_object();
  if (object == nullptr || text_in(*object, "kind") != "Secret") return {{}, "is no Secret"};
  const auto* data = object_in(*object, "data");
  const std::string_view encoded = data == nullptr ? std::string_view() : text_in(*data, key);
  auto token = config::decode_base64(encoded);
  // What an editor leaves at the end of a file is no part of a token.
  while (token && (token->ends_with('\n') || token->ends_with('\r'))) token->pop_back();
  if (!token || token->empty()) return {{}, "has no key `" + std::string(key) + "` with a token in it"};
  return {auth::to_hex(auth::digest_token(*token)), {}};
}

Secrets::Secrets(Loop& loop, BufferPool& buffers, const config::KubernetesRegistry& config, Claims& claims)
    : loop_(loop),
      config_(config),
      claims_(claims),
      api_(loop, buffers, config),
      backoff_(std::random_device()()),
      next_round_(loop.now() + config.watch_timeout) {}

void Secrets::stop() {
  is_stopping_ = true;
  api_.stop();
}

void Secrets::notice() {
  for (SecretRef& secret : claims_.take_new_secrets()) due_.push_front(std::move(secret));
}

Task<void> Secrets::run() {
  while (!is_stopping_) {
    notice();
    if (due_.empty()) {
      has_failed_ = false;
      co_await rest(loop_, kNap, is_stopping_);
      if (loop_.now() < next_round_) continue;
      next_round_ = loop_.now() + config_.watch_timeout;
      for (SecretRef& secret : claims_.secrets()) due_.push_back(std::move(secret));
      continue;
    }
    const SecretRef secret = due_.front();
    due_.pop_front();
    const bool is_known = co_await read_one(secret);
    if (is_stopping_) break;
    if (is_known) {
      backoff_.reset();
      has_failed_ = false;
      continue;
    }
    ++failures_;
    has_failed_ = true;
    due_.push_back(secret);
    co_await rest(loop_, backoff_.next(), is_stopping_);
  }
  api_.drop();
}

Task<bool> Secrets::read_one(SecretRef secret) {
  constexpr int kOk = 200;
  constexpr int kForbidden = 403;
  constexpr int kNotFound = 404;
  const TimePoint deadline = loop_.now() + kPatience;
  const std::string target = "/api/v1/namespaces/" + secret.name_space + "/secrets/" + secret.name;
  const Connection::Head head = co_await api_.get(target, deadline);
  if (is_stopping_) co_return false;
  if (head.status == kOk) {
    const auto body = co_await read_body(deadline);
    if (!body || is_stopping_) co_return false;
    SecretFound found = read_secret(*body, secret.key);
    claims_.know_secret(secret, std::move(found.digest), std::move(found.problem));
    co_return true;
  }
  api_.drop();
  if (head.status == kNotFound) claims_.know_secret(secret, {}, "does not exist");
  if (head.status == kForbidden) claims_.know_secret(secret, {}, "may not be read: the edge's role must allow get");
  co_return head.status == kNotFound || head.status == kForbidden;
}

Task<std::optional<std::string>> Secrets::read_body(TimePoint deadline) {
  std::string body;
  for (;;) {
    const Connection::Part part = co_await api_.read(deadline);
    if (is_stopping_) co_return std::nullopt;
    body.append(part.bytes);
    if (part.is_cut || body.size() > kMaxBody) {
      api_.drop();
      co_return std::nullopt;
    }
    if (part.is_last) co_return body;
  }
}

}  // namespace sandgate::proxy::registry::kubernetes

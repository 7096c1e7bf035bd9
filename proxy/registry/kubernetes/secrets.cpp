#include <auth/access_policy.hpp>
#include <config/base64.hpp>
#include <proxy/registry/kubernetes/secrets.hpp>
#include <proxy/report.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <exception>
#include <random>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};
constexpr std::chrono::milliseconds kNap{50};
constexpr std::size_t kMaxBody = std::size_t{4} * 1024 * 1024;

/// Said of the server, or of the edge, rather than of what was asked for.
bool is_about_everything(int status) {
  constexpr int kNone = 0;
  constexpr int kUnauthorized = 401;
  constexpr int kTooMany = 429;
  constexpr int kUnavailable = 503;
  return status == kNone || status == kUnauthorized || status == kTooMany || status == kUnavailable;
}

std::string why_not(int status) {
  constexpr int kForbidden = 403;
  if (status == kForbidden) return "may not be read: the edge's role must allow get";
  return "cannot be read: the API server answers " + std::to_string(status);
}

}  // namespace

std::optional<SecretFound> read_secret(std::string_view json, const SecretRef& wanted) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse(boost::json::string_view(json.data(), json.size()), error);
  const auto* object = error ? nullptr : parsed.if_object();
  const auto* metadata = object == nullptr ? nullptr : object_in(*object, "metadata");
  if (metadata == nullptr || text_in(*object, "kind") != "Secret") return std::nullopt;
  if (text_in(*metadata, "name") != wanted.name || text_in(*metadata, "namespace") != wanted.name_space) {
    return std::nullopt;
  }
  const auto* data = object_in(*object, "data");
  const std::string_view encoded = data == nullptr ? std::string_view() : text_in(*data, wanted.key);
  auto token = config::decode_base64(encoded);
  // What an editor leaves at the end of a file is no part of a token.
  while (token && (token->ends_with('\n') || token->ends_with('\r'))) token->pop_back();
  if (!token || token->empty()) return SecretFound{{}, "has no key `" + wanted.key + "` with a token in it"};
  return SecretFound{auth::to_hex(auth::digest_token(*token)), {}};
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
  for (SecretRef& secret : claims_.take_new_secrets()) {
    untried_.insert(secret);
    due_.push_front(std::move(secret));
  }
}

Task<void> Secrets::run() {
  while (!is_stopping_) {
    try {
      co_await step();
    } catch (const std::exception& error) {
      give_up(error.what());
    }
  }
  api_.drop();
}

Task<void> Secrets::step() {
  co_await rest(loop_, std::exchange(pause_, std::chrono::milliseconds::zero()), is_stopping_);
  if (is_stopping_) co_return;
  notice();
  if (due_.empty()) find_due();
  if (due_.empty()) {
    pause_ = kNap;
    co_return;
  }
  asked_ = std::move(due_.front());
  due_.pop_front();
  if (!claims_.names(*asked_)) {
    untried_.erase(*asked_);
    doubts_.erase(*asked_);
    asked_.reset();
    co_return;
  }
  const Answer answer = co_await read_one(*asked_);
  if (is_stopping_) co_return;
  untried_.erase(*asked_);
  if (answer == Answer::known) doubts_.erase(*asked_);
  if (answer != Answer::known) ++failures_;
  if (answer == Answer::none) {
    due_.push_back(*asked_);
    pause_ = backoff_.next();
  } else {
    backoff_.reset();
  }
  asked_.reset();
}

/// As a feed's.
void Secrets::give_up(const char* why) noexcept {
  api_.drop();
  ++failures_;
  if (asked_) due_.push_back(*std::exchange(asked_, std::nullopt));
  pause_ = backoff_.next();
  report(Severity::error, std::string("registry: kubernetes: Secrets cannot be read: the edge itself failed: ") + why +
                              "; what was read stays");
}

/// A round of all that are named, whatever is in doubt: who names a Secret that nobody may read must not stop it.
void Secrets::find_due() {
  const TimePoint now = loop_.now();
  if (now >= next_round_) {
    next_round_ = now + config_.watch_timeout;
    for (SecretRef& secret : claims_.secrets()) {
      if (!doubts_.contains(secret)) due_.push_back(std::move(secret));
    }
  }
  for (auto& [secret, doubt] : doubts_) {
    if (now < doubt.ask_at) continue;
    doubt.ask_at = kNever;
    due_.push_back(secret);
  }
}

Task<Secrets::Answer> Secrets::read_one(SecretRef secret) {
  constexpr int kOk = 200;
  constexpr int kNotFound = 404;
  const TimePoint deadline = loop_.now() + kPatience;
  const std::string target = "/api/v1/namespaces/" + secret.name_space + "/secrets/" + secret.name;
  const Connection::Head head = co_await api_.get(target, deadline);
  if (is_stopping_) co_return Answer::none;
  if (head.status == kOk) {
    const auto body = co_await read_body(deadline);
    if (!body || is_stopping_) co_return Answer::none;
    auto found = read_secret(*body, secret);
    if (found) {
      claims_.know_secret(secret, std::move(found->digest), std::move(found->problem));
      co_return Answer::known;
    }
    doubt(secret, "cannot be read: the API server answers with something else");
    co_return Answer::doubtful;
  }
  api_.drop();
  if (is_about_everything(head.status)) co_return Answer::none;
  if (head.status == kNotFound) {
    claims_.know_secret(secret, {}, "does not exist");
    co_return Answer::known;
  }
  doubt(secret, why_not(head.status));
  co_return Answer::doubtful;
}

void Secrets::doubt(const SecretRef& secret, const std::string& why) {
  const auto [found, is_new] = doubts_.try_emplace(secret, Doubt{Backoff(std::random_device()()), kNever});
  found->second.ask_at = loop_.now() + found->second.backoff.next();
  claims_.doubt_secret(secret, why);
  if (!is_new) return;
  report(Severity::warning, "registry: kubernetes: Secret " + secret.name_space + "/" + secret.name + " " + why +
                                "; what was read of it stays");
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

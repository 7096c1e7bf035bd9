#include <proxy/base/calling.hpp>
#include <proxy/registry/kubernetes/feed.hpp>
#include <proxy/registry/kubernetes/kubernetes.hpp>
#include <proxy/registry/kubernetes/secrets.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <pthread.h>
#include <random>
#include <set>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

/// How long the first load waits for the API server, so that an edge that can be ready at its start is.
constexpr std::chrono::milliseconds kFirstLoad{2'000};
constexpr std::chrono::milliseconds kEndCheck{10};
constexpr std::chrono::seconds kExpiryCheck{1};

/// What claims say, done: to the registry, and to when it ends by itself.
class Publisher final : public Told {
 public:
  explicit Publisher(Registry& registry) : registry_(registry) {}

  void publish(const SandboxId& id, const std::string& record, const std::string& where) override {
    forget_expiry(id);
    registry_.put(id, record, where);
    // The table keeps figures of every id that was looked up: only those that may expire are.
    if (record.find("\"expires_at\"") == std::string::npos) return;
    const auto found = registry_.table().find(id);
    if (!found.route || !found.route->expires_at) return;
    const std::string key(id.view());
    expiry_of_[key] = *found.route->expires_at;
    expiries_.emplace(*found.route->expires_at, key);
  }
  void withdraw(const SandboxId& id) override {
    forget_expiry(id);
    registry_.remove(id);
  }
  void refuse(const SandboxId& id, const RecordError& error) override {
    forget_expiry(id);
    registry_.refuse(id, error);
  }
  void reject(const std::string& object, const RecordError& error) override { registry_.reject(object, error); }
  void forget_rejected(const std::string& object) override { registry_.forget_rejected(object); }

  void expire(std::chrono::system_clock::time_point now) {
    while (!expiries_.empty() && expiries_.begin()->first <= now) {
      const SandboxId id = *SandboxId::parse(expiries_.begin()->second);
      forget_expiry(id);
      registry_.remove(id);
    }
  }

 private:
  void forget_expiry(const SandboxId& id) {
    const auto found = expiry_of_.find(id.view());
    if (found == expiry_of_.end()) return;
    expiries_.erase({found->second, found->first});
    expiry_of_.erase(found);
  }

  Registry& registry_;
  std::set<std::pair<std::chrono::system_clock::time_point, std::string>> expiries_;
  std::map<std::string, std::chrono::system_clock::time_point, std::less<>> expiry_of_;
};

}  // namespace

/// Everything that lives on the source's thread, and what it shows of it to others.
struct KubernetesSource::Running {
  Running(const config::KubernetesRegistry& config, Registry& to);

  void begin();
  void stop();
  bool is_over() const;
  void stepped();
  void tick();
  std::string problem() const;

  Loop loop;
  BufferPool buffers;
  Registry& registry;
  Rules rules;
  Publisher publisher;
  Claims claims;
  Secrets secrets;
  std::vector<std::unique_ptr<Feed>> feeds;
  CallOnTime<&Running::tick> ticking{*this};
  bool is_stopping = false;
  std::uint64_t counted_rounds = 0;

  std::atomic<std::int64_t> exact_at;  ///< Of Clock; kNever's: it is exact now.
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> failures{0};
};

KubernetesSource::Running::Running(const config::KubernetesRegistry& config, Registry& to)
    : registry(to),
      rules(config),
      publisher(to),
      claims(publisher, std::max<std::size_t>(config.namespaces.size(), 1)),
      secrets(loop, buffers, config, claims),
      exact_at(loop.now().time_since_epoch().count()) {
  std::random_device random;
  const std::vector<std::string> everywhere{""};
  for (const std::string& name : config.namespaces.empty() ? everywhere : config.namespaces) {
    const Feed::Environment environment{loop, buffers, config, rules, claims, [this] { stepped(); }};
    feeds.push_back(std::make_unique<Feed>(environment, feeds.size(), name, random()));
  }
}

void KubernetesSource::Running::begin() {
  for (const auto& feed : feeds) feed->begin();
  secrets.begin();
  loop.arm(ticking, loop.now() + kExpiryCheck);
}

void KubernetesSource::Running::stop() {
  for (const auto& feed : feeds) feed->stop();
  secrets.stop();
}

bool KubernetesSource::Running::is_over() const {
  return secrets.is_over() && std::ranges::all_of(feeds, [](const auto& feed) { return feed->is_over(); });
}

/// The table is as exact as the part that is least so.
void KubernetesSource::Running::stepped() {
  TimePoint exact = kNever;
  std::uint64_t asked = secrets.requests();
  std::uint64_t told = 0;
  std::uint64_t wrong = secrets.failures();
  std::uint64_t rounds = 0;
  bool is_listed = true;
  for (const auto& feed : feeds) {
    exact = std::min(exact, feed->reflector().exact_at());
    asked += feed->requests();
    told += feed->events();
    wrong += feed->reflector().failures() + feed->skipped();
    rounds += feed->rounds();
    is_listed = is_listed && feed->reflector().is_listed();
  }
  for (; counted_rounds < rounds; ++counted_rounds) registry.count_reload();
  exact_at = exact.time_since_epoch().count();
  requests = asked;
  events = told;
  failures = wrong;
  secrets.notice();
  if (is_listed && secrets.is_settled()) registry.mark_loaded();
}

void KubernetesSource::Running::tick() {
  publisher.expire(std::chrono::system_clock::now());
  stepped();
  loop.arm(ticking, loop.now() + kExpiryCheck);
}

std::string KubernetesSource::Running::problem() const {
  for (const auto& feed : feeds) {
    if (!feed->reflector().problem().empty()) return feed->reflector().problem();
  }
  return {};
}

// --- its thread -----------------------------------------------------------------------------------------------------

KubernetesSource::KubernetesSource(const config::KubernetesRegistry& config, Registry& registry)
    : config_(config), registry_(registry) {}

KubernetesSource::~KubernetesSource() { KubernetesSource::stop(); }

void KubernetesSource::run(Running& running) {
  pthread_setname_np(pthread_self(), "registry");
  running.begin();
  while (!running.is_stopping) running.loop.run_once(std::chrono::milliseconds(-1));
  running.stop();
  while (!running.is_over()) running.loop.run_once(kEndCheck);
}

std::optional<Source::Failed> KubernetesSource::load() {
  if (!running_) {
    running_ = std::make_unique<Running>(config_, registry_);
    thread_ = std::thread([this] { run(*running_); });
    const TimePoint until = Clock::now() + kFirstLoad;
    while (!registry_.is_loaded() && Clock::now() < until) std::this_thread::sleep_for(kEndCheck);
  }
  if (registry_.is_loaded()) return std::nullopt;
  std::string text;
  const auto why = std::make_shared<std::string>();
  if (wait_for([why](Running& running) { *why = running.problem(); })) text = *why;
  return Failed{text.empty() ? "the API server has not listed everything yet" : text};
}

void KubernetesSource::stop() {
  if (!thread_.joinable()) return;
  running_->loop.post([this] { running_->is_stopping = true; });
  thread_.join();
}

bool KubernetesSource::wait_for(std::function<void(Running&)> work) {
  if (!running_) return false;
  const auto done = std::make_shared<std::promise<void>>();
  auto is_done = done->get_future();
  running_->loop.post([running = running_.get(), done, work = std::move(work)] {
    work(*running);
    done->set_value();
  });
  return is_done.wait_for(kPatience) == std::future_status::ready;
}

SourceFigures KubernetesSource::figures() const {
  SourceFigures figures;
  if (!running_) return figures;
  const TimePoint exact_at{Clock::duration(running_->exact_at.load())};
  figures.age_seconds = exact_at == kNever ? 0 : std::chrono::duration<double>(Clock::now() - exact_at).count();
  figures.requests = running_->requests;
  figures.invalidations = running_->events;
  figures.failures = running_->failures;
  return figures;
}

boost::system::result<std::optional<std::string>, Source::Failed> KubernetesSource::get(const SandboxId& id) {
  const auto found = std::make_shared<std::optional<std::string>>();
  const bool is_done = wait_for([found, id](Running& running) {
    if (const std::string* record = running.claims.record(id.view())) *found = *record;
  });
  if (!is_done) return Failed{"the registry's thread is busy: try again"};
  return *found;
}

boost::system::result<std::vector<Source::Entry>, Source::Failed> KubernetesSource::list(std::string_view after,
                                                                                         std::size_t limit) {
  const auto found = std::make_shared<std::vector<Entry>>();
  const bool is_done = wait_for([found, after = std::string(after), limit](Running& running) {
    for (auto& [id, record] : running.claims.records(after, limit)) found->push_back({id, std::move(record)});
  });
  if (!is_done) return Failed{"the registry's thread is busy: try again"};
  return *found;
}

}  // namespace sandgate::proxy::registry::kubernetes

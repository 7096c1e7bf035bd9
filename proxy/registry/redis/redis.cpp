#include <config/redis_url.hpp>
#include <config/units.hpp>
#include <proxy/commands/text_file.hpp>
#include <proxy/registry/redis/cluster.hpp>
#include <proxy/registry/redis/listing.hpp>
#include <proxy/registry/redis/orders.hpp>
#include <proxy/registry/redis/redis.hpp>

#include <exception>
#include <functional>
#include <future>
#include <pthread.h>
#include <utility>

namespace sandgate::proxy::registry::redis {
namespace {

/// How long the first load waits for Redis, so that an edge that can be ready at its start is.
constexpr std::chrono::milliseconds kFirstLoad{1'000};
constexpr std::chrono::milliseconds kEndCheck{10};

Link::Place place_of(const config::RedisUrl& url) { return {url.host, url.port, url.unix_path}; }

}  // namespace

/// Everything that lives on the source's thread.
struct RedisSource::Running {
  Running(Registry& registry, Catalog::Setting setting, Access with)
      : access(std::move(with)), catalog(loop, registry, std::move(setting)) {}

  Loop loop;
  BufferPool buffers;
  Access access;
  Catalog catalog;
  std::unique_ptr<Nodes> nodes;
  std::size_t open_calls = 0;
  bool is_stopping = false;
};

RedisSource::RedisSource(const config::RedisRegistry& config, Registry& registry)
    : config_(config), registry_(registry) {
  registry_.resolve_with(*this);
}

RedisSource::~RedisSource() { stop(); }

// --- its thread -----------------------------------------------------------------------------------------------------

/// Nothing: it runs. Otherwise what is wrong with a file that the configuration names.
std::optional<std::string> RedisSource::start() {
  const auto parsed = config::parse_redis_url(config_.url.text);
  if (const auto* problem = std::get_if<std::string>(&parsed)) return "registry.redis.url " + *problem;
  const auto& url = std::get<config::RedisUrl>(parsed);
  Access access{url.username, url.password, url.database, config_.key_prefix, config_.stale_for, nullptr};
  if (!config_.password_file.empty()) {
    access.username = config_.username;
    try {
      access.password = commands::read_token(config_.password_file);
    } catch (const std::exception& error) {
      return std::string("registry.redis.password_file: ") + error.what();
    }
  }
  if (url.is_tls) {
    auto loaded = net::TlsClient::load({config_.tls.ca, config_.tls.certificate, config_.tls.key});
    if (const auto* problem = std::get_if<std::string>(&loaded)) return "registry.redis.tls: " + *problem;
    access.tls = std::get<std::shared_ptr<const net::TlsClient>>(loaded);
  }
  Catalog::Setting setting{
      config_.key_prefix, {config_.max_entries, config_.max_bytes.count}, config::to_string(config_.stale_for)};
  running_ = std::make_unique<Running>(registry_, std::move(setting), std::move(access));
  const Link::Environment environment{running_->loop, running_->buffers, running_->catalog, running_->access};
  if (config_.cluster) {
    running_->nodes = std::make_unique<Cluster>(environment, place_of(url));
  } else {
    running_->nodes = std::make_unique<SingleNode>(environment, place_of(url));
  }
  running_->catalog.use(*running_->nodes);
  thread_ = std::thread([this] { run(*running_); });
  return std::nullopt;
}

void RedisSource::run(Running& running) {
  pthread_setname_np(pthread_self(), "registry");
  running.nodes->begin();
  while (!running.is_stopping) running.loop.run_once(std::chrono::milliseconds(-1));
  running.nodes->stop();
  while (!running.nodes->is_over() || running.open_calls > 0) running.loop.run_once(kEndCheck);
  running.catalog.give_up();
}

std::optional<Source::Failed> RedisSource::load() {
  const bool is_first = !running_;
  if (is_first) {
    if (auto problem = start()) return Failed{*std::move(problem)};
  }
  if (is_first) {
    const TimePoint until = Clock::now() + kFirstLoad;
    while (!registry_.is_loaded() && Clock::now() < until) std::this_thread::sleep_for(kEndCheck);
  }
  if (registry_.is_loaded()) return std::nullopt;
  std::promise<std::string> why;
  running_->loop.post([this, &why] { why.set_value(running_->nodes->problem()); });
  std::string text = why.get_future().get();
  return Failed{text.empty() ? "Redis has not answered yet" : "Redis cannot be used: " + text};
}

void RedisSource::stop() {
  if (!thread_.joinable()) return;
  running_->loop.post([this] { running_->is_stopping = true; });
  thread_.join();
}

void RedisSource::resolve(Question& question) {
  running_->loop.post([this, &question] { running_->catalog.take_question(question); });
}

/// As a worker asks, with a loop for this one question.
void RedisSource::know(const SandboxId& id) {
  if (registry_.find(id).result != routing::LookupResult::unknown) return;
  Loop loop;
  [](Loop& on, const Registry& registry, SandboxId of) -> Detached {
    co_await registry.ask(on, of, on.now() + kPatience / 2);
    on.stop();
  }(loop, registry_, id);
  loop.run();
}

SourceFigures RedisSource::figures() const {
  if (!running_) return {};
  const Catalog::Counts& counts = running_->catalog.counts();
  SourceFigures figures;
  figures.requests = counts.requests;
  figures.invalidations = counts.invalidations;
  figures.evictions = counts.evictions;
  const std::int64_t exact_at = counts.exact_at.load();
  const auto since = Clock::now().time_since_epoch() - Clock::duration(exact_at);
  figures.age_seconds = exact_at == Catalog::kExactNow ? 0 : std::chrono::duration<double>(since).count();
  return figures;
}

// --- the admin API's calls ------------------------------------------------------------------------------------------

template <class T>
boost::system::result<T, Source::Failed> RedisSource::wait_for(
    std::function<Task<boost::system::result<T, Failed>>(Running&)> work) {
  using Outcome = boost::system::result<T, Failed>;
  if (!running_) return Failed{"Redis is not connected"};
  auto promise = std::make_shared<std::promise<Outcome>>();
  auto outcome = promise->get_future();
  running_->loop.post([running = running_.get(), promise, work = std::move(work)] {
    ++running->open_calls;
    [](Running& on, std::shared_ptr<std::promise<Outcome>> to, Task<Outcome> task) -> Detached {
      to->set_value(co_await std::move(task));
      --on.open_calls;
    }(*running, promise, work(*running));
  });
  if (outcome.wait_for(kPatience) == std::future_status::ready) return outcome.get();
  return Failed{"Redis did not answer in time; a change may have been made or not"};
}

boost::system::result<std::vector<Reply>, Source::Failed> RedisSource::order(std::vector<Order> orders) {
  return wait_for<std::vector<Reply>>([orders = std::move(orders)](Running& on) {
    return carry_out({on.loop, *on.nodes, on.catalog}, orders);
  });
}

std::string RedisSource::key_of(const SandboxId& id) const { return config_.key_prefix + std::string(id.view()); }

boost::system::result<std::vector<bool>, Source::Failed> RedisSource::write(std::span<const Change> changes) {
  std::vector<Order> orders;
  for (const Change& change : changes) {
    const std::string key = key_of(change.id);
    orders.push_back({key, change.record ? put_record(key, change.record->json(), change.record->route()->expires_at)
                                         : remove_record(key)});
  }
  const auto replies = order(std::move(orders));
  if (replies.has_error()) return replies.error();
  std::vector<bool> existed;
  for (const Reply& reply : *replies) existed.push_back(reply.integer > 0);
  return existed;
}

boost::system::result<Removal, Source::Failed> RedisSource::remove_execution(const SandboxId& id,
                                                                             std::string_view execution_id) {
  const std::string key = key_of(id);
  const auto replies = order({{key, redis::remove_execution(key, execution_id)}});
  if (replies.has_error()) return replies.error();
  const long long outcome = replies->front().integer;
  return outcome < 0 ? Removal::other_execution : outcome > 0 ? Removal::removed : Removal::absent;
}

boost::system::result<std::optional<std::string>, Source::Failed> RedisSource::get(const SandboxId& id) {
  const std::string key = key_of(id);
  auto replies = order({{key, command({"GET", key})}});
  if (replies.has_error()) return replies.error();
  Reply& reply = replies->front();
  return reply.kind == Reply::Kind::nil ? std::nullopt : std::optional(std::move(reply.text));
}

boost::system::result<std::vector<Source::Entry>, Source::Failed> RedisSource::list(std::string_view after,
                                                                                    std::size_t limit) {
  const PageWanted wanted{std::string(after), limit, config_.key_prefix};
  const auto page = wait_for<PageFound>(
      [wanted](Running& on) { return list_ids(on.loop, *on.nodes, wanted, on.loop.now() + kPatience / 2); });
  if (page.has_error()) return page.error();
  std::vector<Order> orders;
  for (const std::string& id : page->ids) {
    orders.push_back({config_.key_prefix + id, command({"GET", config_.key_prefix + id})});
  }
  auto replies = order(std::move(orders));
  if (replies.has_error()) return replies.error();
  std::vector<Entry> entries;
  auto reply = replies->begin();
  for (const std::string& id : page->ids) {
    if (reply->kind == Reply::Kind::text) entries.push_back({id, std::move(reply->text)});
    ++reply;
  }
  return entries;
}

}  // namespace sandgate::proxy::registry::redis

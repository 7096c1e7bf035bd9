#include <proxy/registry/kubernetes/feed.hpp>
#include <proxy/report.hpp>

#include <exception>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

/// More than the table is made for.
constexpr std::size_t kMostObjects = 1'000'000;

Reflector::Wanted wanted_of(const config::KubernetesRegistry& config, std::string name_space) {
  Reflector::Wanted wanted;
  wanted.kind = config.kind;
  wanted.group = config.custom.group;
  wanted.version = config.custom.version;
  wanted.resource = config.custom.resource;
  wanted.name_space = std::move(name_space);
  wanted.label_selector = config.label_selector;
  wanted.watch_for = std::chrono::ceil<std::chrono::seconds>(config.watch_timeout);
  return wanted;
}

}  // namespace

Feed::Feed(const Environment& environment, std::size_t scope, std::string name_space, std::uint32_t seed)
    : environment_(environment),
      scope_(scope),
      where_(name_space.empty() ? "kubernetes" : "kubernetes, namespace " + name_space),
      reflector_(wanted_of(environment.config, std::move(name_space)), *this, seed, environment.loop.now()),
      api_(environment.loop, environment.buffers, environment.config) {}

void Feed::stop() {
  is_stopping_ = true;
  api_.stop();
}

Task<void> Feed::run() {
  while (!is_stopping_) {
    try {
      co_await step();
    } catch (const std::exception& error) {
      give_up(error.what());
    }
  }
  api_.drop();
}

Task<void> Feed::step() {
  Reflector::Request request = reflector_.next(environment_.loop.now());
  co_await rest(environment_.loop, request.pause, is_stopping_);
  if (is_stopping_) co_return;
  co_await ask(request);
  if (is_stopping_) co_return;
  say_problem();
  environment_.stepped();
}

/// No memory, no descriptor, no thread: tried again, as when the API server is away. Not even this: the process ends,
/// since nobody joins the feed, and a table that is not kept any more must not count as exact.
void Feed::give_up(const char* why) noexcept {
  api_.drop();
  reflector_.fail(std::string("the edge itself failed: ") + why);
  say_problem();
}

Task<void> Feed::ask(Reflector::Request request) {
  const TimePoint deadline = environment_.loop.now() + request.patience;
  const Connection::Head head = co_await api_.get(request.target, deadline);
  if (is_stopping_) co_return;
  if (head.status == 0) {
    api_.drop();
    reflector_.fail(head.problem);
    co_return;
  }
  if (reflector_.begin(head.status, head.retry_after, environment_.loop.now()) != Reflector::Begun::read_body) {
    api_.drop();
    co_return;
  }
  say_problem();
  environment_.stepped();
  co_await read_body(deadline);
}

Task<void> Feed::read_body(TimePoint deadline) {
  for (;;) {
    const Connection::Part part = co_await api_.read(deadline);
    if (is_stopping_) co_return;
    const TimePoint now = environment_.loop.now();
    const bool is_wanted = reflector_.take(part.bytes, now);
    // The deadline of a read is only looked at while nothing comes.
    const bool is_late = now >= deadline && !part.is_last;
    const bool is_cut = part.is_cut || is_late;
    if (part.is_last || is_late) reflector_.end(is_cut ? Reflector::Ended::cut : Reflector::Ended::whole, now);
    if (!is_wanted || is_cut) api_.drop();
    if (!is_wanted || part.is_last || is_late) co_return;
    co_await Yield(environment_.loop);  // A server that sends without a pause must not keep everybody else waiting.
    if (is_stopping_) co_return;
  }
}

void Feed::say_problem() {
  const std::string& problem = reflector_.problem();
  if (problem == said_) return;
  if (!problem.empty()) report(Severity::error, "registry: " + where_ + ": " + problem + "; what was there stays");
  if (problem.empty()) report(Severity::info, "registry: " + where_ + ": the API server is watched again");
  said_ = problem;
}

void Feed::seen(const boost::json::object& object, const ObjectName& name) {
  ++events_;
  const bool is_room = environment_.claims.objects() < kMostObjects || environment_.claims.knows(name);
  if (!is_room) return skipped("there are more than a million objects");
  environment_.claims.see(scope_, name, read_object(object, name, environment_.rules));
}

void Feed::lost(const ObjectName& name) {
  ++events_;
  environment_.claims.lose(name);
}

void Feed::end_round() {
  environment_.claims.end_round(scope_);
  ++rounds_;
}

void Feed::skipped(const std::string& what) {
  ++skipped_;
  if (what == said_skipped_) return;
  said_skipped_ = what;
  report(Severity::warning, "registry: " + where_ + ": " + what + "; it is passed over");
}

}  // namespace sandgate::proxy::registry::kubernetes

#include <proxy/worker.hpp>

#include <algorithm>
#include <pthread.h>

namespace sandgate::proxy {
namespace {

// How long exchanges that are told of the drain's end have to tell their clients.
constexpr std::chrono::milliseconds kLastWords{500};
constexpr std::chrono::milliseconds kEmptyCheck{20};
constexpr std::chrono::milliseconds kMemoryCheck{100};

std::size_t share(std::size_t total, std::size_t workers) { return total == 0 ? 0 : (total + workers - 1) / workers; }

std::mt19937_64 seeded_random() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

}  // namespace

Worker::Worker(const Shared& shared, const Settings& settings, std::unique_ptr<AccessLogWriter> log)
    : shared_(shared),
      config_(settings.config),
      dial_policy_(settings.dial_policy),
      tls_(settings.tls),
      log_(std::move(log)),
      random_(seeded_random()),
      memory_(buffers_, metrics_),
      pool_({loop_,
             buffers_,
             metrics_,
             shared.registry.table(),
             config_,
             dial_policy_,
             {share(settings.config->upstream.idle_per_port, shared.workers),
              share(settings.config->upstream.idle_total, shared.workers)}}),
      environment_{loop_, metrics_, log_.get(), shared.registry, pool_, live_, config_, drain_, random_},
      host_{loop_, buffers_, metrics_, *this, config_, drain_, &memory_} {
  set_memory_limit();
}

void Worker::add_listener(std::size_t index, UniqueFd socket) {
  ClientPort::Setting setting{config_->listeners[index], tls_[index]};
  ports_.push_back(std::make_unique<ClientPort>(host_, shared_.gate, std::move(setting), std::move(socket)));
}

void Worker::start(std::function<void()> finished) {
  thread_ = std::thread([this, finished = std::move(finished)] {
    pthread_setname_np(pthread_self(), "worker");
    loop_.run();
    finished();
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::adopt(Settings settings) {
  loop_.post([this, settings = std::move(settings)] { take_over(settings); });
}

void Worker::take_over(const Settings& settings) {
  config_ = settings.config;
  dial_policy_ = settings.dial_policy;
  tls_ = settings.tls;
  set_memory_limit();
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    // Listeners are matched by address: a reload may have listed them in another order.
    const config::Endpoint address = ports_[i]->setting().listener.address;
    const auto& listeners = config_->listeners;
    const auto found = std::find_if(listeners.begin(), listeners.end(),
                                    [&](const config::Listener& listener) { return listener.address == address; });
    if (found == listeners.end()) continue;
    const auto index = static_cast<std::size_t>(found - listeners.begin());
    ports_[i]->change({*found, tls_[index]});
  }
}

void Worker::change_route(registry::RouteChanged change) {
  loop_.post([this, change = std::move(change)] {
    pool_.end_generation(change.id, change.route ? std::string_view(change.route->generation) : std::string_view());
    live_.change_route(change.id, change.route.get(), config_->access.exempt_ports);
  });
}

void Worker::enter(DrainPhase phase) {
  loop_.post([this, phase] { apply_phase(phase); });
}

void Worker::apply_phase(DrainPhase phase) {
  drain_ = phase;
  if (phase < DrainPhase::finishing) return;
  for (const auto& port : ports_) {
    port->stop_accepting();
    port->drain();
  }
  if (phase == DrainPhase::over) {
    live_.end_all(Failure::draining);
    loop_.arm(last_call_, loop_.now() + kLastWords);
  }
  stop_when_empty();
}

void Worker::abort_everything() {
  for (const auto& port : ports_) port->abort_all();
  stop_when_empty();
}

void Worker::set_memory_limit() {
  memory_.set_limit(share(memory_limit(*config_), shared_.workers));
  if (memory_.has_limit()) {
    loop_.arm(memory_check_, loop_.now() + kMemoryCheck);
  } else {
    memory_check_.disarm();
  }
}

/// Connections that carry nothing give way to those that do.
void Worker::check_memory() {
  std::size_t too_many = memory_.connections_too_many();
  for (const auto& port : ports_) too_many -= port->end_idle(too_many);
  loop_.arm(memory_check_, loop_.now() + kMemoryCheck);
}

void Worker::stop_when_empty() {
  const bool is_empty = std::all_of(ports_.begin(), ports_.end(), [](const auto& port) { return port->is_empty(); });
  if (is_empty) return loop_.stop();
  loop_.arm(empty_check_, loop_.now() + kEmptyCheck);
}

}  // namespace sandgate::proxy

#include <config/load.hpp>
#include <config/validate.hpp>
#include <proxy/control.hpp>
#include <proxy/report.hpp>

#include <cerrno>
#include <csignal>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <system_error>

namespace sandgate::proxy {
namespace {

constexpr std::chrono::seconds kTick{1};
constexpr std::uint32_t kOwnConnections = 256;

/// Changes whenever the file does; reading it is not needed for that.
std::string fingerprint(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return "absent";
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + ":" + std::to_string(status.st_size) +
         ":" + std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

std::vector<std::string> fingerprints(const std::vector<std::string>& files) {
  std::vector<std::string> result;
  result.reserve(files.size());
  for (const std::string& file : files) result.push_back(fingerprint(file));
  return result;
}

UniqueFd open_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
  return UniqueFd(fd);
}

}  // namespace

Control::Control(Parts parts)
    : parts_(std::move(parts)),
      admin_(parts_.registry, parts_.source,
             {[this] { return metrics_page(); }, [this] { return not_ready(); },
              [this]() -> const config::Config& { return *parts_.settings.config; },
              [this] {
                if (drain_.phase() == DrainPhase::serving) begin_drain();
              }}),
      admin_handler_(
          [this](const AdminRequest& request) { return admin_.handle(request, parts_.settings.admin_token); }),
      health_handler_([this](const AdminRequest& request) { return admin_.handle_health(request); }),
      admin_host_{loop_, buffers_, metrics_, admin_handler_, parts_.settings.config, own_phase_},
      health_host_{loop_, buffers_, metrics_, health_handler_, parts_.settings.config, own_phase_},
      own_gate_({kOwnConnections}),
      signal_fd_(open_signals()),
      signals_(*this),
      file_watch_(loop_, [this] { files_changed(); }),
      registry_exact_at_(loop_.now()) {
  loop_.watch(signal_fd_.number(), EPOLLIN, signals_);
}

void Control::listen(std::vector<UniqueFd>& inherited) {
  const auto open = [&](const config::Endpoint& address, SessionHost& host) {
    auto handed_over = net::take_socket_for(address, inherited);
    UniqueFd socket = handed_over ? std::move(*handed_over) : net::open_listening_socket(address, false);
    config::Listener listener;
    listener.address = address;
    ClientPort::Setting setting{listener, nullptr};
    ports_.push_back(std::make_unique<ClientPort>(host, own_gate_, std::move(setting), std::move(socket)));
  };
  const config::Config& config = *parts_.settings.config;
  open(config.admin.address, admin_host_);
  if (config.health) open(config.health->address, health_host_);
}

void Control::run() {
  parts_.registry.on_route_changed([this](const registry::RouteChanged& change) {
    for (const auto& worker : parts_.workers) worker->change_route(change);
  });
  parts_.registry.on_invalid_record([](std::string_view id, const registry::RecordError& error) {
    report(Severity::warning, "record of sandbox " + std::string(id) + " is not valid: " + error.field +
                                  (error.field.empty() ? "" : ": ") + error.text);
  });
  parts_.registry.on_locked_record([](const registry::SandboxId& id) {
    report(Severity::warning, "sandbox " + std::string(id.view()) + " asks for a token and has none: nobody gets in");
  });
  load_registry();
  for (const auto& worker : parts_.workers) {
    worker->start([this] {
      loop_.post([this] {
        if (++finished_workers_ == parts_.workers.size()) loop_.stop();
      });
    });
  }
  fingerprints_ = fingerprints(watched_files());
  file_watch_.watch(watched_files());
  loop_.arm(tick_, loop_.now() + kTick);
  report(Severity::info, "serving with " + std::to_string(parts_.workers.size()) + " workers, " +
                             std::to_string(parts_.registry.table().size()) + " sandboxes");
  loop_.run();
  for (const auto& worker : parts_.workers) worker->join();
  parts_.source.stop();  // Not before: a worker may be waiting for its answer.
  for (const auto& port : ports_) port->stop_accepting();
  for (const auto& port : ports_) port->abort_all();
  const auto is_any_open = [&] {
    for (const auto& port : ports_) {
      if (!port->is_empty()) return true;
    }
    return false;
  };
  while (is_any_open()) loop_.run_once(std::chrono::milliseconds(10));
}

void Control::take_signals() {
  signalfd_siginfo info{};
  while (::read(signal_fd_.number(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (static_cast<int>(info.ssi_signo) == SIGHUP) {
      parts_.access_log.reopen();
      reload();
      reload_source();
    } else {
      begin_drain();
    }
  }
}

void Control::begin_drain() {
  const config::Timeouts& timeouts = parts_.settings.config->timeouts;
  drain_.begin(loop_.now(), timeouts.drain_announce, timeouts.drain_grace);
  report(Severity::info,
         drain_.phase() == DrainPhase::over ? "draining: ended at once" : "draining: announced by readyz");
  advance_drain();
}

void Control::advance_drain() {
  const DrainPhase before = drain_.phase();
  drain_.advance(loop_.now());
  if (drain_.phase() != before && drain_.phase() == DrainPhase::finishing) {
    report(Severity::info, "draining: no new connections, finishing what is open");
  }
  for (const auto& worker : parts_.workers) worker->enter(drain_.phase());
  loop_.arm(drain_timer_, drain_.next());
}

void Control::load_registry() {
  const auto failed = parts_.source.load();
  const std::string problem = failed ? failed->text : std::string();
  if (!problem.empty() && problem != registry_problem_) report(Severity::error, "registry: " + problem);
  registry_problem_ = problem;
  if (problem.empty()) registry_exact_at_ = Clock::now();
}

void Control::reload_source() {
  const auto failed = parts_.source.reload();
  registry_problem_ = failed ? failed->text : std::string();
  if (failed) {
    report(Severity::error, "registry: " + failed->text + "; what was loaded before stays");
  } else {
    registry_exact_at_ = Clock::now();
  }
}

void Control::reload() {
  auto loaded = config::load_file(parts_.config_path);
  std::vector<std::string> problems;
  if (const auto* bad = std::get_if<std::vector<config::Problem>>(&loaded)) {
    for (const config::Problem& problem : *bad) problems.push_back(problem.to_string());
  } else {
    auto settings =
        load_settings(std::move(std::get<config::Config>(loaded)), parts_.ticket_keys, net::Expired::refuse);
    if (const auto* unusable = std::get_if<std::vector<std::string>>(&settings)) {
      problems = *unusable;
    } else {
      adopt(std::move(std::get<Settings>(settings)));
    }
  }
  ++reloads_[problems.empty() ? 0 : 1];
  for (const std::string& problem : problems) report(Severity::error, "not reloaded: " + problem);
}

void Control::adopt(Settings settings) {
  for (const std::string& key : config::needs_restart(*parts_.settings.config, *settings.config)) {
    report(Severity::warning, "reloaded, but " + key + " changes only with a restart");
  }
  parts_.settings = std::move(settings);
  parts_.gate.set_limits(connection_limits(*parts_.settings.config, parts_.open_files));
  for (const auto& worker : parts_.workers) worker->adopt(parts_.settings);
  report(Severity::info, "reloaded " + parts_.config_path);
}

std::vector<std::string> Control::watched_files() const {
  std::vector<std::string> files = files_of(*parts_.settings.config, parts_.config_path);
  const std::vector<std::string> of_source = parts_.source.watched_paths();
  files.insert(files.end(), of_source.begin(), of_source.end());
  return files;
}

void Control::files_changed() {
  const std::vector<std::string> files = watched_files();
  std::vector<std::string> now = fingerprints(files);
  const std::size_t of_settings = files.size() - parts_.source.watched_paths().size();
  bool have_settings_changed = now.size() != fingerprints_.size();
  bool has_source_changed = false;
  for (std::size_t i = 0; i < now.size() && i < fingerprints_.size(); ++i) {
    if (now[i] == fingerprints_[i]) continue;
    (i < of_settings ? have_settings_changed : has_source_changed) = true;
  }
  if (have_settings_changed) reload();
  if (has_source_changed) reload_source();
  // What was just loaded may name other files, and a symlink may lead elsewhere now.
  fingerprints_ = have_settings_changed ? fingerprints(watched_files()) : std::move(now);
  if (have_settings_changed || has_source_changed) file_watch_.watch(watched_files());
}

void Control::tick() {
  if (!parts_.registry.is_loaded()) load_registry();
  parts_.ticket_keys.rotate(loop_.now());
  if (const auto failed = parts_.source.expire(std::chrono::system_clock::now())) {
    report(Severity::error, "registry: " + failed->text);
  }
  loop_.arm(tick_, loop_.now() + kTick);
}

std::vector<std::string> Control::not_ready() const {
  std::vector<std::string> reasons;
  if (!parts_.registry.is_loaded()) reasons.push_back("the registry has not been loaded: " + registry_problem_);
  if (drain_.phase() != DrainPhase::serving) reasons.emplace_back("draining");
  return reasons;
}

ProcessFigures Control::figures() const {
  ProcessFigures figures;
  figures.routes_valid = parts_.registry.table().size();
  figures.routes_invalid = parts_.registry.table().invalid_count();
  figures.invalid_records = parts_.registry.invalid_count();
  const registry::Registry::Updates updates = parts_.registry.updates();
  figures.registry_updates = {updates.put, updates.remove, updates.reload};
  const registry::SourceFigures source = parts_.source.figures();
  figures.registry_source = {source.requests, source.invalidations, source.evictions, source.failures};
  const std::chrono::duration<double> age = Clock::now() - registry_exact_at_;
  const double own_age = registry_problem_.empty() && parts_.registry.is_loaded() ? 0 : age.count();
  figures.registry_age_seconds = source.age_seconds.value_or(own_age);
  figures.reloads_ok = reloads_[0];
  figures.reloads_failed = reloads_[1];
  figures.draining = drain_.phase() != DrainPhase::serving;
  figures.log_lines_lost = parts_.access_log.lost_lines();
  for (const auto& tls : parts_.settings.tls) {
    if (!tls) continue;
    for (net::TlsServer::Expiry& expiry : tls->expiries()) {
      figures.certificates.push_back({std::move(expiry.name), expiry.not_after_unix});
    }
  }
  return figures;
}

std::string Control::metrics_page() const {
  std::vector<const Metrics*> counted;
  counted.reserve(parts_.workers.size());
  for (const auto& worker : parts_.workers) counted.push_back(&worker->metrics());
  return render_metrics(counted, figures());
}

}  // namespace sandgate::proxy

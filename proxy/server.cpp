#include <proxy/access_log.hpp>
#include <proxy/control.hpp>
#include <proxy/net/certificates.hpp>
#include <proxy/net/listener.hpp>
#include <proxy/registry/make_source.hpp>
#include <proxy/report.hpp>
#include <proxy/server.hpp>
#include <proxy/settings.hpp>
#include <proxy/worker.hpp>

#include <csignal>
#include <fcntl.h>
#include <memory>
#include <pthread.h>
#include <system_error>
#include <vector>

namespace sandgate::proxy {
namespace {

constexpr int kConfigurationError = 78;
constexpr std::uint32_t kFewConnections = 1024;

/// Signals are the control thread's, by signalfd; every thread inherits the mask.
void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

UniqueFd duplicate(const UniqueFd& socket) {
  const int fd = ::fcntl(socket.number(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "cannot duplicate an inherited socket");
  return UniqueFd(fd);
}

/// Every worker gets a socket of its own on each address, or a share of those that were handed over for it.
void give_listeners(const config::Config& config, std::vector<std::unique_ptr<Worker>>& workers,
                    std::vector<UniqueFd>& inherited) {
  for (std::size_t index = 0; index < config.listeners.size(); ++index) {
    const config::Endpoint& address = config.listeners[index].address;
    std::vector<UniqueFd> handed_over;
    while (auto socket = net::take_socket_for(address, inherited)) handed_over.push_back(std::move(*socket));
    for (std::size_t i = 0; i < workers.size(); ++i) {
      UniqueFd socket = handed_over.empty() ? net::open_listening_socket(address, workers.size() > 1)
                                            : duplicate(handed_over[i % handed_over.size()]);
      workers[i]->add_listener(index, std::move(socket));
    }
  }
}

int serve_with(const Settings& settings, const std::string& config_path, net::TicketKeys& ticket_keys) {
  const config::Config& config = *settings.config;
  if (!config.core_dumps) keep_memory_private();
  const std::size_t open_files = raise_open_files();
  const ConnectionGate::Limits limits = connection_limits(config, open_files);
  if (limits.connections < kFewConnections) {
    report(Severity::warning, "only " + std::to_string(limits.connections) + " client connections fit into " +
                                  std::to_string(open_files) + " open files; raise the limit (LimitNOFILE, ulimit -n)");
  }
  registry::Registry registry;
  const std::unique_ptr<registry::Source> source = registry::make_source(config, registry);
  AccessLog access_log(config.access_log.path);
  ConnectionGate gate(limits);
  const std::size_t count = config.workers ? *config.workers : available_cores();
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::size_t i = 0; i < count; ++i) {
    workers.push_back(
        std::make_unique<Worker>(Worker::Shared{registry, gate, count}, settings, access_log.make_writer()));
  }
  std::vector<UniqueFd> inherited = net::take_inherited_sockets();
  Control control({config_path, settings, open_files, ticket_keys, registry, *source, access_log, gate, workers});
  control.listen(inherited);
  give_listeners(config, workers, inherited);
  if (!inherited.empty()) report(Severity::warning, "sockets were handed over that no listener names; they are closed");
  inherited.clear();
  control.run();
  report(Severity::info, "stopped");
  return 0;
}

}  // namespace

int run_server(config::Config config, const std::string& config_path) {
  block_signals();
  net::TicketKeys ticket_keys(Clock::now());
  auto loaded = load_settings(std::move(config), ticket_keys, net::Expired::accept);
  if (const auto* problems = std::get_if<std::vector<std::string>>(&loaded)) {
    for (const std::string& problem : *problems) report(Severity::error, problem);
    return kConfigurationError;
  }
  for (const std::string& warning : net::check_certificates(*std::get<Settings>(loaded).config)) {
    report(Severity::warning, warning);
  }
  try {
    return serve_with(std::get<Settings>(loaded), config_path, ticket_keys);
  } catch (const std::system_error& error) {
    report(Severity::error, error.what());
    return 1;
  }
}

}  // namespace sandgate::proxy

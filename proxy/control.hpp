// control: the thread that steers: signals, files that change, the registry's source, admin and health, the drain.
//
// It never touches a client's bytes. What it decides reaches the workers as messages; what they count it reads.
//
//   SIGTERM, SIGINT   begin the drain; a second one ends it at once
//   SIGHUP            reload configuration, certificates and sandbox file; reopen the log
#pragma once

#include <proxy/access_log.hpp>
#include <proxy/admin.hpp>
#include <proxy/admin_handler.hpp>
#include <proxy/base/calling.hpp>
#include <proxy/client_connection.hpp>
#include <proxy/connection_gate.hpp>
#include <proxy/drain.hpp>
#include <proxy/file_watch.hpp>
#include <proxy/registry/registry.hpp>
#include <proxy/settings.hpp>
#include <proxy/worker.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sandgate::proxy {

class Control {
 public:
  struct Parts {
    std::string config_path;
    Settings settings;
    std::size_t open_files;
    net::TicketKeys& ticket_keys;
    registry::Registry& registry;
    registry::Source& source;
    AccessLog& access_log;
    ConnectionGate& gate;
    std::vector<std::unique_ptr<Worker>>& workers;
  };

  explicit Control(Parts parts);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  /// Throws std::system_error when an address cannot be bound.
  void listen(std::vector<UniqueFd>& inherited);
  /// Loads the registry, starts the workers, and returns when a drain is over.
  void run();

 private:
  void take_signals();
  void begin_drain();
  void advance_drain();
  void load_registry();
  void reload();
  void adopt(Settings settings);
  void reload_source();
  void files_changed();
  void tick();
  std::string metrics_page() const;
  ProcessFigures figures() const;
  std::vector<std::string> not_ready() const;
  std::vector<std::string> watched_files() const;

  class Signals final : public EventSource, public Runnable {
   public:
    explicit Signals(Control& of) : Runnable(&run), control(of) {}
    void note(std::uint32_t /*events*/) override { control.loop_.schedule(*this); }
    Control& control;

   private:
    static void run(Runnable& self) { static_cast<Signals&>(self).control.take_signals(); }
  };

  Parts parts_;
  Loop loop_;
  BufferPool buffers_;
  Metrics metrics_;  ///< Of the admin and health listeners; not shown.
  DrainPhase own_phase_ = DrainPhase::serving;
  Drain drain_;
  Admin admin_;
  AdminHandler admin_handler_;
  AdminHandler health_handler_;
  SessionHost admin_host_;
  SessionHost health_host_;
  ConnectionGate own_gate_;
  std::vector<std::unique_ptr<ClientPort>> ports_;
  UniqueFd signal_fd_;
  Signals signals_;
  CallOnTime<&Control::tick> tick_{*this};
  CallOnTime<&Control::advance_drain> drain_timer_{*this};
  FileWatch file_watch_;
  std::vector<std::string> fingerprints_;
  std::string registry_problem_;            ///< Of the last load; empty: none.
  TimePoint registry_exact_at_;             ///< When the table was last known to be what the source holds.
  std::array<std::uint64_t, 2> reloads_{};  ///< ok, failed
  std::size_t finished_workers_ = 0;
};

}  // namespace sandgate::proxy

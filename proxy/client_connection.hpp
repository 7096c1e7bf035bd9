// client_connection: a client's connection from accept to close, whatever it speaks.
//
//   accepted ──▶ (PROXY header) ──▶ counted ──▶ (TLS handshake) ──▶ session ──▶ closed
//
// ALPN says which HTTP the session is in; on a plain listener the first bytes do (RFC 9113 3.3).
//
// A client_port is one listener of one thread and the connections that came through it.
#pragma once

#include <config/config.hpp>
#include <proxy/base/fork.hpp>
#include <proxy/connection_gate.hpp>
#include <proxy/net/listener.hpp>
#include <proxy/net/tls.hpp>
#include <proxy/session_host.hpp>

#include <boost/intrusive/list.hpp>

#include <memory>
#include <optional>

namespace sandgate::proxy {

class ClientPort;

class ClientConnection final
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  ClientConnection(ClientPort& port, net::Accepted accepted);

  /// From accept to close. One coroutine holds the connection and waits for all of its parts: each more would cost an
  /// idle connection another frame.
  static Detached run(std::unique_ptr<ClientConnection> self);
  /// Ends it as soon as no exchange is under way.
  void drain();
  bool end_if_idle() { return session_ != nullptr && session_->end_if_idle(); }
  void abort() { transport_.abort(); }

 private:
  Task<bool> open(ConnectionGate::Admission& admission);
  Task<bool> read_proxy_header();
  Task<bool> shake_hands();
  template <class Session>
  Task<void> run_session(std::optional<Failure> refusal, TimePoint head_by);
  Task<bool> begins_http_2(TimePoint head_by);
  void describe_client(const config::IpAddress& address);

  ClientPort& port_;
  std::shared_ptr<const net::TlsServer> tls_;  ///< Of the time it was accepted; outlives the SSL object.
  net::Transport transport_;
  ConnectionGate::Place place_;
  ClientInfo client_;
  ClientSession* session_ = nullptr;  ///< While it runs.
};

class ClientPort final : private net::Listener::Handler {
 public:
  struct Setting {
    config::Listener listener;
    std::shared_ptr<const net::TlsServer> tls;  ///< Null: plain.
  };

  ClientPort(SessionHost& host, ConnectionGate& gate, Setting setting, UniqueFd socket);
  ~ClientPort();

  const Setting& setting() const { return setting_; }
  void change(Setting setting) { setting_ = std::move(setting); }

  void stop_accepting();
  void drain();
  void abort_all();
  /// At most so many, those that were accepted first; gives how many.
  std::size_t end_idle(std::size_t most);
  bool is_empty() const { return connections_.empty(); }

 private:
  friend class ClientConnection;
  void accepted(net::Accepted connection) override;
  void out_of_descriptors() override;
  bool has_room() override;

  SessionHost& host_;
  ConnectionGate& gate_;
  Setting setting_;
  boost::intrusive::list<ClientConnection, boost::intrusive::constant_time_size<false>> connections_;
  net::Listener listener_;
};

}  // namespace sandgate::proxy

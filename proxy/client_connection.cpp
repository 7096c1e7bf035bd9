#include <proxy/client_connection.hpp>
#include <proxy/h1/session.hpp>
#include <proxy/h2/session.hpp>
#include <proxy/net/proxy_protocol.hpp>

#include <array>
#include <exception>

namespace sandgate::proxy {
namespace {

Counter& gauge(Metrics& metrics, ClientState state) {
  return metrics.client_connections[static_cast<std::size_t>(state)];
}

void count_refused(Metrics& metrics, Failure refusal) {
  metrics.limit(refusal == Failure::client_limit ? LimitLabel::connections_per_client : LimitLabel::connections).add();
}

}  // namespace

ClientConnection::ClientConnection(ClientPort& port, net::Accepted accepted)
    : port_(port),
      tls_(port.setting_.tls),
      transport_(port.host_.loop, port.host_.buffers, std::move(accepted.socket)) {
  client_.listener_port = accepted.local_port;
  client_.is_tls = tls_ != nullptr;
  client_.redirect_to_https = port.setting_.listener.redirect_to_https;
  describe_client(accepted.peer);
}

void ClientConnection::describe_client(const config::IpAddress& address) {
  client_.address = address;
  client_.address_text = address.to_string();
  client_.is_trusted_proxy = config::contains(port_.host_.config->trusted_proxies, address);
}

Detached ClientConnection::run(std::unique_ptr<ClientConnection> self) {
  try {
    ConnectionGate::Admission admission{false, std::nullopt};
    const bool is_open = co_await self->open(admission);
    if (!is_open) co_return;
    const SessionHost& host = self->port_.host_;
    const GaugeMark mark(gauge(host.metrics, ClientState::idle));
    const TimePoint head_by = after(host.loop.now(), host.config->timeouts.client_head);
    const bool is_http_2 = co_await self->begins_http_2(head_by);
    if (is_http_2) {
      co_await self->run_session<h2::Session>(admission.refusal, head_by);
    } else {
      co_await self->run_session<h1::Session>(admission.refusal, head_by);
    }
    if (!self->transport_.is_aborted()) self->transport_.finish_writing();
  } catch (const std::exception&) {
    self->abort();  // Out of memory: this connection pays, the others go on.
  }
}

/// Everything before the session. False when the connection is to be closed.
Task<bool> ClientConnection::open(ConnectionGate::Admission& admission) {
  Metrics& metrics = port_.host_.metrics;
  const GaugeMark mark(gauge(metrics, ClientState::handshaking));
  if (!co_await read_proxy_header()) co_return false;
  admission = port_.gate_.enter(client_.address, place_);
  if (admission.refusal) count_refused(metrics, *admission.refusal);
  if (!admission.is_admitted) co_return false;
  co_return co_await shake_hands();
}

/// False when the connection is to be closed: anything but a whole, valid header from a trusted peer (hardening 1.6).
Task<bool> ClientConnection::read_proxy_header() {
  const auto& setting = port_.setting_.listener.proxy_protocol;
  if (!setting || !config::contains(setting->from, client_.address)) co_return true;
  const TimePoint deadline = after(port_.host_.loop.now(), port_.host_.config->timeouts.proxy_header);
  Buffer block = port_.host_.buffers.lease();
  std::size_t known = 0;
  for (;;) {
    const net::IoSize peeked = co_await transport_.peek(block.room(), net::ProxyHeader::kMaxBytes, known, deadline);
    if (peeked.status != net::Io::ok) co_return false;
    known = peeked.size;
    const net::ProxyHeader header = net::parse_proxy_header({block.room(), known});
    if (header.state == net::ProxyHeader::State::malformed) co_return false;
    if (header.state == net::ProxyHeader::State::incomplete) continue;
    transport_.skip(header.size);
    if (header.client) describe_client(*header.client);
    co_return true;
  }
}

Task<bool> ClientConnection::shake_hands() {
  if (!tls_) co_return true;
  if (const auto limit = port_.gate_.begin_handshake(place_)) {
    port_.host_.metrics.limit(*limit).add();
    co_return false;
  }
  const TimePoint deadline = after(port_.host_.loop.now(), port_.host_.config->timeouts.tls_handshake);
  const net::Io outcome = co_await transport_.handshake(tls_->make_session(), deadline);
  port_.gate_.end_handshake(place_);
  const auto result = outcome == net::Io::ok          ? HandshakeResult::ok
                      : outcome == net::Io::timed_out ? HandshakeResult::timeout
                                                      : HandshakeResult::failed;
  const SSL* ssl = transport_.ssl();
  const TlsLabel version = result == HandshakeResult::ok ? net::version_label(ssl) : TlsLabel::none;
  const bool is_resumed = result == HandshakeResult::ok && net::is_resumed(ssl);
  Metrics& metrics = port_.host_.metrics;
  metrics.handshakes[static_cast<std::size_t>(result)][static_cast<std::size_t>(version)][is_resumed ? 1 : 0].add();
  if (result == HandshakeResult::ok) client_.tls_version = net::version_name(ssl);
  co_return result == HandshakeResult::ok;
}

/// Each kind of session has a coroutine of its own, so that a connection holds only the one it speaks.
template <class Session>
Task<void> ClientConnection::run_session(std::optional<Failure> refusal, TimePoint head_by) {
  Session session(port_.host_, client_, transport_);
  session_ = &session;
  co_await session.run(refusal, head_by);
  session_ = nullptr;
}

/// Plain connections: whether the first bytes are the preface of HTTP/2 (RFC 9113 3.4). They are left where they are.
Task<bool> ClientConnection::begins_http_2(TimePoint head_by) {
  if (tls_) co_return net::speaks_http_2(transport_.ssl());
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  std::array<char, kPreface.size()> start;
  std::size_t known = 0;
  while (known < start.size()) {
    const net::IoSize peeked = co_await transport_.peek(start.data(), start.size(), known, head_by);
    if (peeked.status != net::Io::ok) co_return false;  // HTTP/1 has an answer to what there is, or to nothing.
    known = peeked.size;
    if (!kPreface.starts_with(std::string_view(start.data(), known))) co_return false;
  }
  co_return true;
}

void ClientConnection::drain() {
  if (session_ != nullptr) session_->drain();
}

// --- ClientPort -----------------------------------------------------------------------------------------------------

ClientPort::ClientPort(SessionHost& host, ConnectionGate& gate, Setting setting, UniqueFd socket)
    : host_(host), gate_(gate), setting_(std::move(setting)), listener_(host.loop, std::move(socket), *this) {}

ClientPort::~ClientPort() = default;

void ClientPort::accepted(net::Accepted connection) {
  try {
    auto made = std::make_unique<ClientConnection>(*this, std::move(connection));
    connections_.push_back(*made);
    ClientConnection::run(std::move(made));
  } catch (const std::exception&) {
    host_.metrics.limit(LimitLabel::open_files).add();
  }
}

void ClientPort::out_of_descriptors() { host_.metrics.limit(LimitLabel::open_files).add(); }

bool ClientPort::has_room() {
  if (host_.memory != nullptr && host_.memory->pressure() == MemoryBudget::Pressure::full) {
    host_.metrics.limit(LimitLabel::memory).add();
    return false;
  }
  if (setting_.tls == nullptr || gate_.has_handshake_room()) return true;
  host_.metrics.limit(LimitLabel::handshakes).add();
  return false;
}

std::size_t ClientPort::end_idle(std::size_t most) {
  std::size_t ended = 0;
  for (auto it = connections_.begin(); it != connections_.end() && ended < most;) {
    if ((it++)->end_if_idle()) ++ended;
  }
  return ended;
}

void ClientPort::stop_accepting() { listener_.close(); }

void ClientPort::drain() {
  for (auto it = connections_.begin(); it != connections_.end();) (it++)->drain();
}

void ClientPort::abort_all() {
  for (auto it = connections_.begin(); it != connections_.end();) (it++)->abort();
}

}  // namespace sandgate::proxy

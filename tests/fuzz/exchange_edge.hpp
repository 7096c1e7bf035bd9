// exchange_edge: an edge whose network is socket pairs: real sessions, `serve`, the pool and both kinds of upstream, with
// a raw end in the hands of the fuzzer where a client and where a sandbox would be. Only accept, TLS and connect are
// left out: `upstream::dial` is this file's (include it once in a program; the library's own is then not linked).
#pragma once

#include <proxy/h1/session.hpp>
#include <proxy/h2/session.hpp>
#include <proxy/serve.hpp>
#include <proxy/upstream/dial.hpp>
#include <proxy/upstream/pool.hpp>
#include <tests/fuzz/exchange_record.hpp>
#include <tests/support/h2_wire.hpp>

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::fuzz {

/// The far end of a connection: says what it is told, keeps what it hears.
class RawEnd {
 public:
  explicit RawEnd(proxy::UniqueFd socket) : socket_(std::move(socket)) {}

  std::string heard;
  std::string said;
  bool reads = true;

  void say(std::string_view bytes) {
    if (has_finished_) return;
    said += bytes;
    unsent_ += bytes;
  }
  void move() {
    if (!socket_) return;
    while (!unsent_.empty()) {
      const ssize_t sent = ::send(socket_.number(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      unsent_.erase(0, static_cast<std::size_t>(sent));
    }
    std::array<char, 16 * 1024> bytes;
    for (ssize_t got = 1; reads && got > 0;) {
      got = ::recv(socket_.number(), bytes.data(), bytes.size(), 0);
      if (got > 0) heard.append(bytes.data(), static_cast<std::size_t>(got));
    }
  }
  void half_close() {
    has_finished_ = true;
    if (socket_) ::shutdown(socket_.number(), SHUT_WR);
  }
  void close() {
    reads = has_finished_ = true;
    move();
    socket_.reset();
  }
  bool is_open() const { return static_cast<bool>(socket_); }

 private:
  proxy::UniqueFd socket_;
  std::string unsent_;
  bool has_finished_ = false;
};

struct SandboxEnd {
  config::IpAddress address;
  RawEnd end;
};

/// What `dial` finds.
struct SandboxNet {
  std::deque<SandboxEnd> ends;
  bool is_closed = false;    ///< Every port refuses,
  config::IpAddress honest;  ///< but this one's.
};
inline SandboxNet* sandbox_net = nullptr;

enum class Protocol : std::uint8_t { h1, h2 };

class EdgeInMemory final : private proxy::ExchangeHandler, private proxy::upstream::Opener {
 public:
  EdgeInMemory() {
    sandbox_net = &net;
    registry.mark_loaded();
  }
  ~EdgeInMemory() { sandbox_net = nullptr; }
  EdgeInMemory(const EdgeInMemory&) = delete;
  EdgeInMemory& operator=(const EdgeInMemory&) = delete;

  SandboxNet net;
  std::deque<RecordedExchange> exchanges;
  proxy::Metrics metrics;
  proxy::registry::Registry registry;

  void put(std::string_view id, std::string_view record) { registry.put(*routing::SandboxId::parse(id), record); }

  /// A client's connection, from its first byte to its end.
  class ClientPort {
   public:
    ClientPort(EdgeInMemory& edge, Protocol protocol, proxy::UniqueFd socket) : edge_(edge) {
      info_.address_text = "203.0.113.7";
      info_.listener_port = 443;
      transport_.emplace(edge.loop_, edge.buffers_, std::move(socket));
      run(protocol);
    }
    bool is_over() const { return is_over_; }
    /// As its owner does.
    void close_when_over() {
      if (is_over_) transport_.reset();
    }

   private:
    proxy::Detached run(Protocol protocol) {
      using namespace std::chrono_literals;
      const proxy::TimePoint head_by = proxy::after(edge_.loop_.now(), 10s);
      if (protocol == Protocol::h1) {
        proxy::h1::Session session(edge_.host_, info_, *transport_);
        co_await session.run(std::nullopt, head_by);
      } else {
        proxy::h2::Session session(edge_.host_, info_, *transport_);
        co_await session.run(std::nullopt, head_by);
      }
      if (!transport_->is_aborted()) transport_->finish_writing();
      is_over_ = true;
    }
    EdgeInMemory& edge_;
    proxy::ClientInfo info_;
    std::optional<proxy::net::Transport> transport_;
    bool is_over_ = false;
  };
  std::unique_ptr<ClientPort> accept(Protocol protocol, proxy::UniqueFd socket) {
    return std::make_unique<ClientPort>(*this, protocol, std::move(socket));
  }

  void run_once(std::chrono::milliseconds longest) { loop_.run_once(longest); }

 private:
  proxy::Task<void> handle(proxy::Exchange& exchange) override {
    RecordedExchange& record = exchanges.emplace_back();
    RecordingClient client(exchange, record);
    by_memory_[exchange.memory()] = &record;
    co_await proxy::serve(environment_, client);
    by_memory_.erase(exchange.memory());
    record.is_over = true;
  }
  proxy::Task<proxy::Result<proxy::upstream::UpstreamPtr>> open(const proxy::upstream::Destination& destination,
                                                                proxy::upstream::Reuse reuse,
                                                                proxy::upstream::Attempt& attempt,
                                                                std::pmr::memory_resource* memory) override {
    auto opened = co_await pool_.open(destination, reuse, attempt, memory);
    if (opened.has_error()) co_return opened;
    RecordedTry& record = by_memory_.at(memory)->tries.emplace_back();
    void* place = memory->allocate(sizeof(RecordingUpstream), alignof(RecordingUpstream));
    co_return proxy::upstream::UpstreamPtr(new (place) RecordingUpstream(std::move(*opened), record));
  }
  static std::shared_ptr<const config::Config> make_config() {
    config::Config config = config::default_config();
    config.domains = {"sandbox.test"};
    return std::make_shared<const config::Config>(std::move(config));
  }
  static std::shared_ptr<const proxy::upstream::DialPolicy> make_policy() {
    const std::vector<config::IpRange> allow{*config::IpRange::parse("10.0.0.0/8")};
    return std::make_shared<const proxy::upstream::DialPolicy>(allow, std::vector<config::IpAddress>{},
                                                               std::vector<config::Endpoint>{});
  }

  proxy::Loop loop_;
  proxy::BufferPool buffers_;
  proxy::LiveExchanges live_;
  std::shared_ptr<const config::Config> config_ = make_config();
  std::shared_ptr<const proxy::upstream::DialPolicy> policy_ = make_policy();
  proxy::DrainPhase drain_ = proxy::DrainPhase::serving;
  std::mt19937_64 random_;
  std::map<std::pmr::memory_resource*, RecordedExchange*> by_memory_;
  proxy::upstream::Pool pool_{{loop_, buffers_, metrics, registry.table(), config_, policy_, {}}};
  proxy::ServeEnvironment environment_{loop_, metrics, nullptr, registry, *this, live_, config_, drain_, random_};
  proxy::SessionHost host_{loop_, buffers_, metrics, *this, config_, drain_};
};

}  // namespace sandgate::fuzz

namespace sandgate::proxy::upstream {

Task<Result<std::unique_ptr<Connection>>> dial(Loop& loop, BufferPool& buffers, Connection::Owner& owner,
                                               DialOrder order) {
  fuzz::SandboxNet& net = *fuzz::sandbox_net;
  if (net.is_closed && !(order.to.ip == net.honest)) co_return Failure::port_closed;
  tests::SocketPair pair = tests::make_socket_pair();
  net.ends.push_back({order.to.ip, fuzz::RawEnd(std::move(pair.theirs))});
  co_return std::make_unique<Connection>(loop, buffers, std::move(pair.ours), owner);
}

}  // namespace sandgate::proxy::upstream

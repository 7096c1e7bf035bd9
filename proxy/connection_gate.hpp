// connection_gate: how many client connections the process may have, in all and per client, and how many of them may be
// in a TLS handshake.
//
// Shared by all workers: one atomic for each total; a table of clients is touched only where there is a limit for each,
// and is sharded. Beyond the total a few connections are still taken, to be told 503; past those they are closed
// unheard. A client is an IPv4 address, or the /64 an IPv6 address is in: whoever has one has all of it.
#pragma once

#include <config/ip_address.hpp>
#include <proxy/base/failure.hpp>
#include <proxy/metrics.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace sandgate::proxy {

class ConnectionGate {
 public:
  struct Limits {
    std::uint32_t connections;
    std::uint32_t per_client = 0;             ///< 0 = no limit, here and below.
    std::uint32_t handshakes = 0;             ///< Under way at once (hardening T-HS).
    std::uint32_t handshakes_per_client = 0;  ///< Of one client.
  };

  explicit ConnectionGate(const Limits& limits) { set_limits(limits); }
  void set_limits(const Limits& limits);

  /// A place for one connection, given back when it is destroyed.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : gate_(other.gate_),
          client_(other.client_),
          is_per_client_(other.is_per_client_),
          is_in_handshake_(other.is_in_handshake_),
          is_handshake_per_client_(other.is_handshake_per_client_) {
      other.gate_ = nullptr;
    }
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class ConnectionGate;
    ConnectionGate* gate_ = nullptr;
    config::IpAddress client_;
    bool is_per_client_ = false;
    bool is_in_handshake_ = false;
    bool is_handshake_per_client_ = false;
  };

  struct Admission {
    bool is_admitted = true;         ///< false: close it unheard.
    std::optional<Failure> refusal;  ///< Answer its first request with this, and close.
  };

  /// Counts the connection. `place` must live as long as it.
  Admission enter(const config::IpAddress& client, Place& place);
  /// A listener whose connections begin with a handshake may accept another: those that come in a rush, after a restart
  /// say, wait in its queue and not here.
  bool has_handshake_room() const;
  /// Counts its handshake until `end_handshake`, or the end of the place. The limit that was reached, or nothing.
  std::optional<LimitLabel> begin_handshake(Place& place);
  void end_handshake(Place& place);
  std::uint32_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  /// How many each client has.
  class Clients {
   public:
    std::uint32_t add(const config::IpAddress& client);
    void remove(const config::IpAddress& client);

   private:
    static constexpr std::size_t kShards = 64;
    struct Shard {
      std::mutex mutex;
      std::map<config::IpAddress, std::uint32_t> counts;  ///< Guarded by mutex.
    };
    Shard& shard_of(const config::IpAddress& client);
    std::array<Shard, kShards> shards_;
  };

  std::atomic<std::uint32_t> most_{0};
  std::atomic<std::uint32_t> most_per_client_{0};
  std::atomic<std::uint32_t> most_handshakes_{0};
  std::atomic<std::uint32_t> most_handshakes_per_client_{0};
  std::atomic<std::uint32_t> count_{0};
  std::atomic<std::uint32_t> handshakes_{0};
  Clients connections_of_;
  Clients handshakes_of_;
};

}  // namespace sandgate::proxy

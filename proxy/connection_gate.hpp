// connection_gate: how many client connections the process may have, in all and per client address.
//
// Shared by all workers: one atomic for the total; the table of addresses is touched only when connections_per_client
// is set, and is sharded then. Beyond the total a few connections are still taken, to be told 503; past those they are
// closed unheard.
#pragma once

#include <config/ip_address.hpp>
#include <proxy/base/failure.hpp>

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
  ConnectionGate(std::uint32_t total, std::uint32_t per_client) { set_limits(total, per_client); }

  void set_limits(std::uint32_t total, std::uint32_t per_client) {
    total_ = total;
    per_client_ = per_client;
  }

  /// A place for one connection, given back when it is destroyed.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : gate_(other.gate_), client_(other.client_), is_per_client_(other.is_per_client_) {
      other.gate_ = nullptr;
    }
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class ConnectionGate;
    ConnectionGate* gate_ = nullptr;
    config::IpAddress client_;
    bool is_per_client_ = false;
  };

  struct Admission {
    bool is_admitted = true;         ///< false: close it unheard.
    std::optional<Failure> refusal;  ///< Answer its first request with this, and close.
  };

  /// Counts the connection. `place` must live as long as it.
  Admission enter(const config::IpAddress& client, Place& place);
  std::uint32_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kShards = 64;
  struct Shard {
    std::mutex mutex;
    std::map<config::IpAddress, std::uint32_t> counts;  ///< Guarded by mutex.
  };
  Shard& shard_of(const config::IpAddress& client);
  std::uint32_t add_client(const config::IpAddress& client);
  void remove_client(const config::IpAddress& client);

  std::atomic<std::uint32_t> total_;
  std::atomic<std::uint32_t> per_client_;
  std::atomic<std::uint32_t> count_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace sandgate::proxy

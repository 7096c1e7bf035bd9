#include <proxy/connection_gate.hpp>

#include <algorithm>

namespace sandgate::proxy {
namespace {

/// How many connections beyond the limit are told so, or let be.
std::uint32_t heard_beyond(std::uint32_t limit) { return std::max<std::uint32_t>(16, limit / 16); }

config::IpAddress client_of(const config::IpAddress& address) {
  if (address.is_v4()) return address;
  std::array<std::uint8_t, 16> bytes = address.bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return config::IpAddress::from_v6(bytes);
}

}  // namespace

void ConnectionGate::set_limits(const Limits& limits) {
  most_ = limits.connections;
  most_per_client_ = limits.per_client;
  most_handshakes_ = limits.handshakes;
  most_handshakes_per_client_ = limits.handshakes_per_client;
}

ConnectionGate::Place::~Place() {
  if (gate_ == nullptr) return;
  gate_->end_handshake(*this);
  gate_->count_.fetch_sub(1, std::memory_order_relaxed);
  if (is_per_client_) gate_->connections_of_.remove(client_);
}

ConnectionGate::Admission ConnectionGate::enter(const config::IpAddress& client, Place& place) {
  const std::uint32_t limit = most_.load(std::memory_order_relaxed);
  const std::uint32_t per_client = most_per_client_.load(std::memory_order_relaxed);
  const std::uint32_t now = count_.fetch_add(1, std::memory_order_relaxed) + 1;
  place.gate_ = this;
  place.client_ = client_of(client);
  if (now > limit + heard_beyond(limit)) return {false, Failure::overloaded};
  if (now > limit) return {true, Failure::overloaded};
  if (per_client == 0) return {};
  const std::uint32_t of_client = connections_of_.add(place.client_);
  place.is_per_client_ = true;
  if (of_client > per_client + heard_beyond(per_client)) return {false, Failure::client_limit};
  if (of_client > per_client) return {true, Failure::client_limit};
  return {};
}

bool ConnectionGate::has_handshake_room() const {
  const std::uint32_t limit = most_handshakes_.load(std::memory_order_relaxed);
  return limit == 0 || handshakes_.load(std::memory_order_relaxed) < limit;
}

std::optional<LimitLabel> ConnectionGate::begin_handshake(Place& place) {
  const std::uint32_t limit = most_handshakes_.load(std::memory_order_relaxed);
  const std::uint32_t per_client = most_handshakes_per_client_.load(std::memory_order_relaxed);
  const std::uint32_t now = handshakes_.fetch_add(1, std::memory_order_relaxed) + 1;
  place.is_in_handshake_ = true;
  // Workers that accept at the same moment, and connections that began with a PROXY header, may be a few too many.
  if (limit != 0 && now > limit + heard_beyond(limit)) return LimitLabel::handshakes;
  if (per_client == 0) return std::nullopt;
  const std::uint32_t of_client = handshakes_of_.add(place.client_);
  place.is_handshake_per_client_ = true;
  return of_client > per_client ? std::optional(LimitLabel::handshakes_per_client) : std::nullopt;
}

void ConnectionGate::end_handshake(Place& place) {
  if (place.is_in_handshake_) handshakes_.fetch_sub(1, std::memory_order_relaxed);
  if (place.is_handshake_per_client_) handshakes_of_.remove(place.client_);
  place.is_in_handshake_ = place.is_handshake_per_client_ = false;
}

ConnectionGate::Clients::Shard& ConnectionGate::Clients::shard_of(const config::IpAddress& client) {
  std::size_t mixed = 0;
  for (const std::uint8_t byte : client.bytes()) mixed = mixed * 31 + byte;
  return shards_[mixed % kShards];
}

std::uint32_t ConnectionGate::Clients::add(const config::IpAddress& client) {
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  return ++shard.counts[client];
}

void ConnectionGate::Clients::remove(const config::IpAddress& client) {
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.counts.find(client);
  if (found != shard.counts.end() && --found->second == 0) shard.counts.erase(found);
}

}  // namespace sandgate::proxy

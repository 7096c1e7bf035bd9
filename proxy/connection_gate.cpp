#include <proxy/connection_gate.hpp>

#include <algorithm>

namespace sandgate::proxy {
namespace {

/// How many connections beyond the limit are told so.
std::uint32_t heard_beyond(std::uint32_t limit) { return std::max<std::uint32_t>(16, limit / 16); }

}  // namespace

ConnectionGate::Place::~Place() {
  if (gate_ == nullptr) return;
  gate_->count_.fetch_sub(1, std::memory_order_relaxed);
  if (is_per_client_) gate_->remove_client(client_);
}

ConnectionGate::Admission ConnectionGate::enter(const config::IpAddress& client, Place& place) {
  const std::uint32_t limit = total_.load(std::memory_order_relaxed);
  const std::uint32_t per_client = per_client_.load(std::memory_order_relaxed);
  const std::uint32_t now = count_.fetch_add(1, std::memory_order_relaxed) + 1;
  place.gate_ = this;
  place.client_ = client;
  if (now > limit + heard_beyond(limit)) return {false, Failure::overloaded};
  if (now > limit) return {true, Failure::overloaded};
  if (per_client == 0) return {};
  place.is_per_client_ = true;
  const std::uint32_t of_client = add_client(client);
  if (of_client > per_client + heard_beyond(per_client)) return {false, Failure::client_limit};
  if (of_client > per_client) return {true, Failure::client_limit};
  return {};
}

ConnectionGate::Shard& ConnectionGate::shard_of(const config::IpAddress& client) {
  std::size_t mixed = 0;
  for (const std::uint8_t byte : client.bytes()) mixed = mixed * 31 + byte;
  return shards_[mixed % kShards];
}

std::uint32_t ConnectionGate::add_client(const config::IpAddress& client) {
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  return ++shard.counts[client];
}

void ConnectionGate::remove_client(const config::IpAddress& client) {
  Shard& shard = shard_of(client);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.counts.find(client);
  if (found != shard.counts.end() && --found->second == 0) shard.counts.erase(found);
}

}  // namespace sandgate::proxy

// cluster_slots: where a cluster keeps a key, and what it says about that. Pure, and fuzzed.
//
// Redis Cluster divides keys into 16384 slots by CRC16; CLUSTER SLOTS says who has which, and a server that is asked for
// a key it has not answers "MOVED <slot> <host>:<port>" (for good) or "ASK ..." (this once, while the slot moves).
#pragma once

#include <proxy/registry/redis/link.hpp>
#include <proxy/registry/redis/resp.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry::redis {

inline constexpr std::size_t kSlots = 16384;

/// Of the part between the first "{" and the "}" after it, where there is one and it is not empty.
std::uint16_t slot_of(std::string_view key);

struct SlotRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  Link::Place master;
  std::vector<Link::Place> replicas;
};

/// The reply to CLUSTER SLOTS. A server that does not know its own name is `asked`. Nothing: it is no such reply, names a
/// slot that there is not, or one twice.
std::optional<std::vector<SlotRange>> parse_slots(const Reply& reply, const Link::Place& asked);

struct Redirection {
  bool is_ask = false;
  Link::Place place;  ///< Without a host: the one that answered.
};
/// Nothing: the error says no such thing.
std::optional<Redirection> parse_redirection(std::string_view error);

}  // namespace sandgate::proxy::registry::redis

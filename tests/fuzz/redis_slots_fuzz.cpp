// What a cluster says: an accepted map of slots names each slot once, with a server that can be connected to; a
// redirection names one too; and a key's slot is that of its tag.
#include <proxy/registry/redis/cluster_slots.hpp>

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace sandgate::fuzz {
namespace {

using namespace proxy::registry::redis;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_map(const Reply& reply) {
  const auto ranges = parse_slots(reply, {"asked", 7000, {}});
  if (!ranges) return;
  std::bitset<kSlots> seen;
  for (const SlotRange& range : *ranges) {
    require(range.first <= range.last && range.last < kSlots);
    require(!range.master.host.empty() && range.master.port != 0);
    for (const auto& replica : range.replicas) require(!replica.host.empty() && replica.port != 0);
    for (std::size_t slot = range.first; slot <= range.last; ++slot) {
      require(!seen.test(slot));
      seen.set(slot);
    }
  }
}

void check_key(std::string_view key) {
  require(slot_of(key) < kSlots);
  const bool is_tag =
      !key.empty() && key.find('}') == std::string_view::npos && key.find('{') == std::string_view::npos;
  if (is_tag) require(slot_of("any{" + std::string(key) + "}thing") == slot_of(key));
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_key(bytes);
  if (const auto redirection = parse_redirection(bytes)) require(redirection->place.port != 0);
  ReplyReader reader;
  reader.feed(bytes);
  while (const auto reply = reader.next()) check_map(*reply);
  return 0;
}

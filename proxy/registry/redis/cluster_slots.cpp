#include <proxy/registry/redis/cluster_slots.hpp>

#include <bitset>
#include <charconv>
#include <utility>

namespace sandgate::proxy::registry::redis {
namespace {

/// CRC-16/XMODEM.
std::uint16_t checksum(std::string_view bytes) {
  constexpr unsigned kPolynomial = 0x1021;
  constexpr unsigned kTop = 0x8000;
  unsigned crc = 0;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(byte)) << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & kTop) != 0 ? (crc << 1U) ^ kPolynomial : crc << 1U;
    crc &= 0xffffU;
  }
  return static_cast<std::uint16_t>(crc);
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint16_t> slot_in(const Reply& reply) {
  const bool is_slot =
      reply.kind == Reply::Kind::integer && reply.integer >= 0 && reply.integer < static_cast<long long>(kSlots);
  return is_slot ? std::optional(static_cast<std::uint16_t>(reply.integer)) : std::nullopt;
}

/// [host, port, id, ...]
std::optional<Link::Place> place_in(const Reply& reply, const Link::Place& asked) {
  constexpr long long kLastPort = 65535;
  if (reply.elements.size() < 2 || reply.elements[1].kind != Reply::Kind::integer) return std::nullopt;
  const long long port = reply.elements[1].integer;
  if (port < 1 || port > kLastPort) return std::nullopt;
  const std::string& host = reply.elements[0].text;
  const bool is_named = !host.empty() && host != "?";
  return Link::Place{is_named ? host : asked.host, static_cast<std::uint16_t>(port), {}};
}

std::optional<SlotRange> range_in(const Reply& reply, const Link::Place& asked) {
  constexpr std::size_t kFirstPlace = 2;
  if (reply.elements.size() <= kFirstPlace) return std::nullopt;
  const auto first = slot_in(reply.elements[0]);
  const auto last = slot_in(reply.elements[1]);
  const auto master = place_in(reply.elements[kFirstPlace], asked);
  if (!first || !last || *first > *last || !master) return std::nullopt;
  SlotRange range{*first, *last, *master, {}};
  for (std::size_t i = kFirstPlace + 1; i < reply.elements.size(); ++i) {
    const auto replica = place_in(reply.elements[i], asked);
    if (!replica) return std::nullopt;
    range.replicas.push_back(*replica);
  }
  return range;
}

}  // namespace

std::uint16_t slot_of(std::string_view key) {
  if (const auto open = key.find('{'); open != std::string_view::npos) {
    const auto close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return static_cast<std::uint16_t>(checksum(key) % kSlots);
}

std::optional<std::vector<SlotRange>> parse_slots(const Reply& reply, const Link::Place& asked) {
  if (reply.kind != Reply::Kind::array) return std::nullopt;
  std::vector<SlotRange> ranges;
  std::bitset<kSlots> taken;
  for (const Reply& element : reply.elements) {
    auto range = range_in(element, asked);
    if (!range) return std::nullopt;
    for (std::size_t slot = range->first; slot <= range->last; ++slot) {
      if (taken.test(slot)) return std::nullopt;
      taken.set(slot);
    }
    ranges.push_back(*std::move(range));
  }
  return ranges;
}

std::optional<Redirection> parse_redirection(std::string_view error) {
  const auto take_word = [&error] {
    const std::string_view word = error.substr(0, error.find(' '));
    error.remove_prefix(std::min(error.size(), word.size() + 1));
    return word;
  };
  const std::string_view kind = take_word();
  if (kind != "MOVED" && kind != "ASK") return std::nullopt;
  const auto slot = parse_number<std::uint16_t>(take_word());
  const auto colon = error.rfind(':');  // An IPv6 address has others.
  if (!slot || *slot >= kSlots || colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_number<std::uint16_t>(error.substr(colon + 1));
  if (!port || *port == 0) return std::nullopt;
  return Redirection{kind == "ASK", {std::string(error.substr(0, colon)), *port, {}}};
}

}  // namespace sandgate::proxy::registry::redis

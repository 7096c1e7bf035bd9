#include <proxy/http/field_name.hpp>
#include <proxy/http/h1_bytes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace sandgate::proxy::http {
namespace {

struct Known {
  std::string_view name;
  NameKind kind;
};

using K = NameKind;

constexpr std::array kKnown = std::to_array<Known>({
    {"connection", K::hop_by_hop},
    {"keep-alive", K::hop_by_hop},
    {"proxy-connection", K::hop_by_hop},
    {"proxy-authenticate", K::hop_by_hop},
    {"proxy-authorization", K::hop_by_hop},
    {"http2-settings", K::hop_by_hop},
    {"upgrade", K::hop_by_hop},
    {"te", K::te},
    {"transfer-encoding", K::transfer_encoding},
    {"content-length", K::content_length},
    {"host", K::host},
    {"expect", K::expect},
    {"trailer", K::trailer},
    {"x-forwarded-for", K::forwarded_for},
    {"x-forwarded-host", K::forwarded_host},
    {"x-forwarded-proto", K::forwarded_proto},
    {"x-forwarded-port", K::forwarded_port},
    {"forwarded", K::impostor},
    {"x-real-ip", K::impostor},
    {"x-client-ip", K::impostor},
    {"true-client-ip", K::impostor},
    {"cf-connecting-ip", K::impostor},
    {"x-original-url", K::impostor},
    {"x-rewrite-url", K::impostor},
    {"e2b-sandbox-id", K::routing},
    {"e2b-sandbox-port", K::routing},
    {"cdn-loop", K::cdn_loop},
    {"x-request-id", K::request_id},
    {"authorization", K::credentials},
    {"www-authenticate", K::credentials},
    {"cookie", K::credentials},
    {"set-cookie", K::set_cookie},
    {"origin", K::origin},
    {"referer", K::referer},
    {"location", K::location},
    {"alt-svc", K::alt_svc},
});

constexpr std::array kFamilies = std::to_array<Known>({
    {"x-forwarded-", K::forwarded_other},
    {"x-envoy-", K::impostor},
    {"x-sandgate-", K::edge_private},
});

constexpr char fold(char c) { return c == '_' ? '-' : to_lower(c); }

constexpr std::array<char, 256> make_folded() {
  std::array<char, 256> folded{};
  for (std::size_t byte = 0; byte < folded.size(); ++byte) folded[byte] = fold(static_cast<char>(byte));
  return folded;
}
constexpr std::array<char, 256> kFolded = make_folded();
constexpr unsigned char folded(char c) { return static_cast<unsigned char>(kFolded[static_cast<unsigned char>(c)]); }

constexpr auto shorter = [](const Known& a, const Known& b) { return a.name.size() < b.name.size(); };
constexpr std::size_t kShortest = std::min_element(kKnown.begin(), kKnown.end(), shorter)->name.size();
constexpr std::size_t kLongest = std::max_element(kKnown.begin(), kKnown.end(), shorter)->name.size();
static_assert(kShortest >= 2, "the hash reads two bytes");

// Length and three bytes tell all known names apart; the fourth from the end is what x-forwarded-host and -port need.
constexpr std::size_t slot_of(std::string_view name, std::uint32_t seed) {
  const std::size_t fourth_last = name.size() >= 4 ? name.size() - 4 : 0;
  std::uint32_t hash = static_cast<std::uint32_t>(name.size());
  hash = hash * 31 + folded(name.front());
  hash = hash * 31 + folded(name[fourth_last]);
  hash = hash * 31 + folded(name.back());
  return (hash * seed) >> 24;
}

constexpr std::uint8_t kNone = 0xff;
using Slots = std::array<std::uint8_t, 256>;

/// Slot -> index in kKnown; false in `perfect` when two names share a slot.
struct Table {
  Slots slots{};
  bool perfect = true;
};

constexpr Table make_table(std::uint32_t seed) {
  Table table;
  table.slots.fill(kNone);
  for (std::size_t i = 0; i < kKnown.size(); ++i) {
    std::uint8_t& slot = table.slots[slot_of(kKnown[i].name, seed)];
    if (slot != kNone) table.perfect = false;
    slot = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr std::uint32_t find_seed() {
  std::uint32_t seed = 0x9e3779b1;
  while (!make_table(seed).perfect) seed += 2;
  return seed;
}
constexpr std::uint32_t kSeed = find_seed();
constexpr Table kTable = make_table(kSeed);

constexpr bool starts_with_folded(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), name.begin(), [](char x, char y) {
           return x == kFolded[static_cast<unsigned char>(y)];
         });
}

bool has_underscore(std::string_view text) { return text.find('_') != std::string_view::npos; }

NameMeaning meaning_by_family(std::string_view name) {
  if (name.size() < 2 || folded(name[0]) != 'x' || folded(name[1]) != '-') return {};
  for (const Known& family : kFamilies) {
    if (starts_with_folded(name, family.name)) {
      return {family.kind, has_underscore(name.substr(0, family.name.size()))};
    }
  }
  return {};
}

}  // namespace

NameMeaning meaning_of(std::string_view name) {
  if (name.size() >= kShortest && name.size() <= kLongest) {
    const std::uint8_t index = kTable.slots[slot_of(name, kSeed)];
    if (index != kNone && kKnown[index].name.size() == name.size() && starts_with_folded(name, kKnown[index].name)) {
      return {kKnown[index].kind, has_underscore(name)};
    }
  }
  return meaning_by_family(name);
}

bool is_same_name_or_twin(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return folded(x) == folded(y); });
}

}  // namespace sandgate::proxy::http

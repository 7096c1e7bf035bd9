// The special ranges of contract 5, and the rule about entries that open them.
#include <config/ip_address.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::config {
namespace {

struct SpecialRange {
  IpRange range;
  AddressClass kind;
};

const std::vector<SpecialRange>& special_ranges() {
  static const std::vector<SpecialRange> ranges = [] {
    constexpr std::pair<const char*, AddressClass> kTable[] = {
        {"127.0.0.0/8", AddressClass::loopback},       // RFC 1122 3.2.1.3
        {"::1/128", AddressClass::loopback},           // RFC 4291 2.5.3
        {"169.254.0.0/16", AddressClass::link_local},  // RFC 3927; cloud metadata lives here
        {"fe80::/10", AddressClass::link_local},       // RFC 4291 2.5.6
        {"224.0.0.0/4", AddressClass::multicast},      // RFC 5771
        {"ff00::/8", AddressClass::multicast},         // RFC 4291 2.7
        {"0.0.0.0/8", AddressClass::unspecified},      // RFC 1122: "this host"; Linux connects 0.0.0.0 to itself
        {"::/128", AddressClass::unspecified},         // RFC 4291 2.5.2
        {"240.0.0.0/4", AddressClass::broadcast},      // RFC 1112: reserved; 255.255.255.255 is its last address
    };
    std::vector<SpecialRange> made;
    for (const auto& [text, kind] : kTable) made.push_back({IpRange::parse(text).value(), kind});
    return made;
  }();
  return ranges;
}

const SpecialRange* find_special(const IpAddress& address) {
  const auto& ranges = special_ranges();
  const auto found = std::ranges::find_if(ranges, [&](const auto& special) { return special.range.contains(address); });
  return found == ranges.end() ? nullptr : &*found;
}

}  // namespace

AddressClass classify(const IpAddress& address) {
  const SpecialRange* special = find_special(address);
  return special != nullptr ? special->kind : AddressClass::ordinary;
}

bool is_dialable(const IpAddress& address, const std::vector<IpRange>& allow) {
  const SpecialRange* special = find_special(address);
  return std::ranges::any_of(allow, [&](const IpRange& entry) {
    return entry.contains(address) && (special == nullptr || entry.lies_within(special->range));
  });
}

}  // namespace sandgate::config

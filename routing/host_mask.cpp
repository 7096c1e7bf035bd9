#include <routing/authority.hpp>
#include <routing/host_mask.hpp>

namespace sandgate::routing {
namespace {

/// What a port can break is the number of its digits and its value; the least and the greatest show both.
constexpr std::array<std::uint16_t, 2> kTellingPorts = {1, 65535};

bool is_host_and_port(std::string_view text) {
  const auto parts = split_authority(text);
  return parts && !text.ends_with(':');
}

}  // namespace

std::optional<HostMask> HostMask::compile(std::string_view text) {
  // Registries load record after record; the last mask is nearly always the next one too.
  thread_local std::optional<HostMask> last;
  if (last && last->text() == text) return last;

  if (text.size() > kMaxBytes) return std::nullopt;
  const HostMask mask(text);
  for (const std::uint16_t port : kTellingPorts) {
    std::string filled;
    mask.append_to(filled, port);
    if (!is_host_and_port(filled)) return std::nullopt;
  }
  last = mask;
  return mask;
}

}  // namespace sandgate::routing

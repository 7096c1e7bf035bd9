// sandbox_id: the name of a sandbox, [a-z0-9]{1,63}, held in 64 bytes without allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sandgate::routing {

class SandboxId {
 public:
  static constexpr std::size_t kMaxLength = 63;

  SandboxId() = default;
  /// Lower-cases first (contract 1: differs from E2B), then checks the grammar.
  static std::optional<SandboxId> parse(std::string_view text);

  std::string_view view() const { return {text_.data(), length_}; }
  bool empty() const { return length_ == 0; }
  friend bool operator==(const SandboxId& a, const SandboxId& b) { return a.view() == b.view(); }

 private:
  // In this order a usual id is compared within one cache line. Zeros after the text: it is hashed by whole words.
  std::uint8_t length_ = 0;
  std::array<char, kMaxLength> text_{};
};
static_assert(sizeof(SandboxId) == 64);

/// Keyed with a secret of the process, so that nobody can choose ids that fall together.
struct SandboxIdHash {
  using is_transparent = void;
  using is_avalanching = void;  ///< Every bit of the result depends on every bit of the id.
  std::size_t operator()(const SandboxId& id) const;
};

}  // namespace sandgate::routing

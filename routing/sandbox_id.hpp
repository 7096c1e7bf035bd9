// sandbox_id: the name of a sandbox, [a-z0-9]{1,63}, held without allocation.
#pragma once

#include <boost/static_string/static_string.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace sandgate::routing {

class SandboxId {
 public:
  static constexpr std::size_t kMaxLength = 63;

  SandboxId() = default;
  /// Lower-cases first (contract 1: differs from E2B), then checks the grammar.
  static std::optional<SandboxId> parse(std::string_view text);

  std::string_view view() const { return {text_.data(), text_.size()}; }
  bool empty() const { return text_.empty(); }
  friend bool operator==(const SandboxId& a, const SandboxId& b) { return a.view() == b.view(); }

 private:
  boost::static_strings::static_string<kMaxLength> text_;
};

struct SandboxIdHash {
  using is_transparent = void;
  std::size_t operator()(const SandboxId& id) const;
};

}  // namespace sandgate::routing

// host_mask: a compiled `maskRequestHost` template, such as "localhost:${PORT}" (contract 4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::routing {

class HostMask {
 public:
  /// Checked once here: with ${PORT} filled in by any port the result is `host[:port]`, printable, no space. A template
  /// that is not so gives nothing, and the record that carries it is invalid.
  static std::optional<HostMask> compile(std::string_view text);

  /// Appends the Host value for `port` to `out` (a std::string or std::pmr::string).
  template <class String>
  void append_to(String& out, std::uint16_t port) const;

  const std::string& text() const { return text_; }

 private:
  std::string text_;  ///< The template as written.
};

}  // namespace sandgate::routing

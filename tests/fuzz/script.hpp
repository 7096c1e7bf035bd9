// script: an input read as a list of small decisions; past its end every one of them is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sandgate::fuzz {

class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool is_over() const { return rest_.empty(); }
  std::uint8_t next() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : next() % bound; }
  bool coin() { return (next() & 1) != 0; }
  /// Small mostly, sometimes some tens of kilobytes.
  std::size_t size() {
    const std::size_t byte = next();
    return byte < 200 ? byte : (byte - 199) * 700;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace sandgate::fuzz

// host_mask: a checked `maskRequestHost` template, such as "localhost:${PORT}" (contract 4).
//
// A mask is part of a route, and the routes of a platform share very few of them: masks with the same text compiled one
// after the other share it, and a mask is the size of a pointer.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::routing {

class HostMask {
 public:
  static constexpr std::size_t kMaxBytes = 512;
  static constexpr std::string_view kPlaceholder = "${PORT}";

  /// Checked once here: with ${PORT} filled in by any port the result is `host[:port]` of RFC 3986, so printable and
  /// without space. A template that is not so, or longer than kMaxBytes, gives nothing, and the record that carries it
  /// is invalid.
  static std::optional<HostMask> compile(std::string_view text);

  /// Appends the Host value for `port` to `out` (a std::string or std::pmr::string). At most kMaxBytes.
  template <class String>
  void append_to(String& out, std::uint16_t port) const;

  /// The template as written.
  const std::string& text() const { return template_->text; }

 private:
  struct Template : boost::intrusive_ref_counter<Template> {
    explicit Template(std::string_view written) : text(written) {}
    const std::string text;
  };

  explicit HostMask(std::string_view text) : template_(new Template(text)) {}

  boost::intrusive_ptr<const Template> template_;
};

template <class String>
void HostMask::append_to(String& out, std::uint16_t port) const {
  std::array<char, 5> digits{};
  const char* const digits_end = std::to_chars(digits.data(), digits.data() + digits.size(), port).ptr;
  std::string_view rest = text();
  for (std::size_t at = rest.find(kPlaceholder); at != std::string_view::npos; at = rest.find(kPlaceholder)) {
    out.append(rest.substr(0, at));
    out.append(digits.data(), static_cast<std::size_t>(digits_end - digits.data()));
    rest.remove_prefix(at + kPlaceholder.size());
  }
  out.append(rest);
}

}  // namespace sandgate::routing

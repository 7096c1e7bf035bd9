#include <proxy/json_text.hpp>

#include <boost/locale/utf.hpp>

#include <array>
#include <cstdint>

namespace sandgate::proxy {
namespace {

constexpr std::array<bool, 256> make_plain_table() {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < 0x7f; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}
constexpr std::array<bool, 256> kIsPlain = make_plain_table();

std::size_t plain_prefix(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && kIsPlain[static_cast<unsigned char>(text[length])]) ++length;
  return length;
}

/// One character that is not plain ASCII: how many bytes of the text it takes, and what is written for it.
class Escaped {
 public:
  explicit Escaped(std::string_view text) {
    namespace utf = boost::locale::utf;
    const char* cursor = text.data();
    const utf::code_point point = utf::utf_traits<char>::decode(cursor, text.data() + text.size());
    const bool is_valid = point != utf::illegal && point != utf::incomplete;
    taken_ = is_valid ? static_cast<std::size_t>(cursor - text.data()) : 1;
    if (is_valid && point >= 0xa0 && point != 0x2028 && point != 0x2029) {
      written_ = text.substr(0, taken_);
    } else {
      escape(is_valid ? point : static_cast<unsigned char>(text.front()));
    }
  }
  Escaped(const Escaped&) = delete;
  Escaped& operator=(const Escaped&) = delete;

  std::size_t taken() const { return taken_; }
  std::string_view written() const { return written_; }

 private:
  void escape(std::uint32_t unit) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    buffer_ = {
        '\\', 'u', kDigits[unit >> 12 & 0xf], kDigits[unit >> 8 & 0xf], kDigits[unit >> 4 & 0xf], kDigits[unit & 0xf]};
    written_ = {buffer_.data(), buffer_.size()};
  }

  std::size_t taken_ = 0;
  std::array<char, 6> buffer_{};
  std::string_view written_;
};

}  // namespace

void append_json_string(std::string& out, std::string_view text, std::size_t limit) {
  out.push_back('"');
  std::size_t room = limit;
  while (!text.empty()) {
    const std::string_view plain = text.substr(0, std::min(plain_prefix(text.substr(0, room)), room));
    out.append(plain);
    room -= plain.size();
    text.remove_prefix(plain.size());
    if (text.empty()) break;
    const Escaped character(text);
    if (character.written().size() > room) break;
    out.append(character.written());
    room -= character.written().size();
    text.remove_prefix(character.taken());
  }
  out.push_back('"');
}

}  // namespace sandgate::proxy

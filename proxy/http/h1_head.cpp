#include <proxy/http/h1_bytes.hpp>
#include <proxy/http/h1_head.hpp>

namespace sandgate::proxy::http {

HeadEnd find_head_end(std::string_view bytes, std::size_t scanned) {
  using State = HeadEnd::State;
  // Only a CR at the end of the last look was left undecided.
  if (scanned > 0 && bytes[scanned - 1] == '\r') --scanned;
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* at = begin + scanned;
  while (true) {
    at = skip_text(at, end);
    if (at == end) return {State::incomplete};
    if (*at != '\r') return {State::malformed};
    if (at + 1 == end) return {State::incomplete};
    if (at[1] != '\n') return {State::malformed};
    const bool is_blank_line = at != begin && at[-1] == '\n';
    const bool is_second_leading_line = at == begin + 2;
    at += 2;
    if (!is_blank_line) continue;
    if (is_second_leading_line) return {State::malformed};
    return {State::complete, static_cast<std::size_t>(at - begin)};
  }
}

Failure oversize_failure(std::string_view bytes) {
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  return bytes.find('\n') == std::string_view::npos ? Failure::target_too_long : Failure::head_too_large;
}

}  // namespace sandgate::proxy::http

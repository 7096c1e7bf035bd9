#include <proxy/http/arena_text.hpp>
#include <proxy/http/h1_bytes.hpp>
#include <proxy/http/head.hpp>
#include <proxy/http/set_cookie.hpp>

namespace sandgate::proxy::http {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && is(ByteClass::space, text.front())) text.remove_prefix(1);
  while (!text.empty() && is(ByteClass::space, text.back())) text.remove_suffix(1);
  return text;
}

/// Takes what stands before the next `;` and leaves the text from that `;` on.
std::string_view take_until_semicolon(std::string_view& rest) {
  const std::string_view taken = rest.substr(0, rest.find(';'));
  rest.remove_prefix(taken.size());
  return taken;
}

bool is_foreign_domain(std::string_view attribute, std::string_view own_host) {
  const std::size_t equals = attribute.find('=');
  if (!equal_ignoring_case(trim(attribute.substr(0, equals)), "domain")) return false;
  std::string_view domain;
  if (equals != std::string_view::npos) domain = trim(attribute.substr(equals + 1));
  if (domain.starts_with('.')) domain.remove_prefix(1);
  return !equal_ignoring_case(domain, own_host);
}

/// Hands every piece that stays to `keep`, with the `;` in front of it; the first is the name and value.
template <class Keep>
void for_each_kept(std::string_view cookie, std::string_view own_host, Keep keep) {
  keep(take_until_semicolon(cookie));
  while (!cookie.empty()) {
    const std::string_view semicolon = cookie.substr(0, 1);
    cookie.remove_prefix(1);
    const std::string_view attribute = take_until_semicolon(cookie);
    if (!is_foreign_domain(attribute, own_host)) keep({semicolon.data(), 1 + attribute.size()});
  }
}

}  // namespace

std::string_view without_foreign_domain(std::string_view cookie, std::string_view own_host,
                                        std::pmr::memory_resource* memory) {
  std::size_t kept_size = 0;
  for_each_kept(cookie, own_host, [&kept_size](std::string_view piece) { kept_size += piece.size(); });
  if (kept_size == cookie.size()) return cookie;
  ArenaText kept(memory, kept_size);
  for_each_kept(cookie, own_host, [&kept](std::string_view piece) { kept.append(piece); });
  return kept.view();
}

}  // namespace sandgate::proxy::http

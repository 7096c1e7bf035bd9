#include <proxy/http/field_name.hpp>
#include <proxy/http/rewrite.hpp>

namespace sandgate::proxy::http {

bool is_forbidden_trailer(std::string_view name, std::string_view token_header) {
  if (is_same_name_or_twin(name, token_header)) return true;
  switch (meaning_of(name).kind) {
    case NameKind::other:
    case NameKind::origin:
    case NameKind::referer:
    case NameKind::location:
      return false;
    default:
      return true;
  }
}

void rewrite_response_trailers(const Fields& from, std::string_view token_header, Fields& to) {
  to.reserve(from.size());
  for (const Field& field : from) {
    if (!is_forbidden_trailer(field.name, token_header)) to.add(field.name, field.value);
  }
}

}  // namespace sandgate::proxy::http

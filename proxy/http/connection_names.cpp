#include <proxy/http/connection_names.hpp>
#include <proxy/http/h1_fields.hpp>

#include <algorithm>

namespace sandgate::proxy::http {
namespace {

// The options that nearly every list consists of; they are no field that could pass.
bool is_everyday(std::string_view option) {
  return equal_ignoring_case(option, "keep-alive") || equal_ignoring_case(option, "close") ||
         equal_ignoring_case(option, "upgrade") || equal_ignoring_case(option, "te");
}

}  // namespace

ConnectionNames::ConnectionNames(const Fields& fields) {
  constexpr std::string_view kConnection = "connection";
  for (const Field& field : fields) {
    if (equal_ignoring_case(field.name, kConnection)) take(field.value);
  }
}

void ConnectionNames::take(std::string_view list) {
  while (!list.empty() && size_ < kMax) {
    const std::string_view option = take_element(list);
    if (!option.empty() && !is_everyday(option) && !contains(option)) names_[size_++] = option;
  }
}

bool ConnectionNames::contains(std::string_view field_name) const {
  return std::any_of(names_.begin(), names_.begin() + size_,
                     [field_name](std::string_view name) { return equal_ignoring_case(name, field_name); });
}

}  // namespace sandgate::proxy::http

#include <proxy/http/h1_bytes.hpp>
#include <proxy/http/head.hpp>

#include <algorithm>

namespace sandgate::proxy::http {

const Field* Fields::find(std::string_view name) const {
  for (const Field& field : list_) {
    if (equal_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

std::string_view Fields::value(std::string_view name) const {
  const Field* const field = find(name);
  return field ? field->value : std::string_view();
}

std::size_t Fields::count(std::string_view name) const {
  const auto matches = [name](const Field& field) { return equal_ignoring_case(field.name, name); };
  return static_cast<std::size_t>(std::count_if(begin(), end(), matches));
}

bool is_grpc(const Fields& fields) {
  constexpr std::string_view kGrpc = "application/grpc";
  std::string_view value = fields.value("content-type");
  value = value.substr(0, value.find_first_of("; \t"));
  if (!equal_ignoring_case(value.substr(0, kGrpc.size()), kGrpc)) return false;
  return value.size() == kGrpc.size() || value[kGrpc.size()] == '+';
}

bool differ_in_case_at_most(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is(ByteClass::token, c); });
}

}  // namespace sandgate::proxy::http

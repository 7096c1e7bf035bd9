// connection_names: the fields a Connection field names, which end at the edge with it (RFC 9110 7.6.1).
//
// Only names the sender decides about are kept: what is the edge's own or hop-by-hop anyway is not a question of this
// list, so a list can remove neither Host, framing nor X-Forwarded-*. Pure; views into the head.
#pragma once

#include <proxy/http/head.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace sandgate::proxy::http {

class ConnectionNames {
 public:
  /// More names than a head has fields have no use, and every field is compared with each: the rest is not looked at.
  static constexpr std::size_t kMax = 32;

  explicit ConnectionNames(const Fields& fields);
  bool contains(std::string_view field_name) const;

 private:
  void take(std::string_view list);

  std::array<std::string_view, kMax> names_;
  std::size_t size_ = 0;
};

}  // namespace sandgate::proxy::http

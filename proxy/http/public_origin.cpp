#include <proxy/http/public_origin.hpp>
#include <routing/authority.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace sandgate::proxy::http {
namespace {

constexpr std::string_view kHttp = "http";
constexpr std::string_view kHttps = "https";

/// By value; none is the scheme's default. The digits were checked when the authority was split.
std::uint16_t port_under(std::string_view scheme, std::string_view digits) {
  std::uint16_t port = equal_ignoring_case(scheme, kHttps) ? 443 : 80;
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return port;
}

std::string_view only_value(const Fields& fields, std::string_view name) {
  return fields.count(name) == 1 ? fields.value(name) : std::string_view();
}

std::string_view canonical_scheme(std::string_view text) {
  if (equal_ignoring_case(text, kHttps)) return kHttps;
  return equal_ignoring_case(text, kHttp) ? kHttp : std::string_view();
}

}  // namespace

Believed believed_fields(const RequestHead& request, const Scene& scene) {
  if (!scene.is_trusted_proxy) return {};
  return {only_value(request.fields, "x-forwarded-proto"), only_value(request.fields, "x-forwarded-host"),
          only_value(request.fields, "x-forwarded-port")};
}

PublicOrigin public_origin(const RequestHead& request, const Scene& scene) {
  const Believed believed = believed_fields(request, scene);
  const std::string_view scheme = canonical_scheme(believed.proto);
  // A list of hosts (several proxies) is no authority: it does not say which one the client saw.
  const bool has_host = routing::split_authority(believed.host).has_value();
  return {!scheme.empty() ? scheme : scene.is_tls ? kHttps : kHttp, has_host ? believed.host : request.authority};
}

std::optional<UrlParts> split_url(std::string_view url) {
  const std::size_t slashes = url.find("//");
  if (slashes == std::string_view::npos) return std::nullopt;
  std::string_view scheme = url.substr(0, slashes);
  if (!scheme.empty()) {
    if (scheme.back() != ':') return std::nullopt;
    scheme.remove_suffix(1);
    if (canonical_scheme(scheme).empty()) return std::nullopt;
  }
  url.remove_prefix(slashes + 2);
  const std::size_t authority_size = std::min(url.find_first_of("/?#"), url.size());
  return UrlParts{scheme, url.substr(0, authority_size), url.substr(authority_size)};
}

std::string_view host_of(std::string_view authority) {
  const auto parts = routing::split_authority(authority);
  return parts ? parts->host : authority;
}

bool is_same_authority(std::string_view a, std::string_view b, std::string_view scheme) {
  const auto first = routing::split_authority(a);
  const auto second = routing::split_authority(b);
  return first && second && equal_ignoring_case(first->host, second->host) &&
         port_under(scheme, first->port) == port_under(scheme, second->port);
}

}  // namespace sandgate::proxy::http

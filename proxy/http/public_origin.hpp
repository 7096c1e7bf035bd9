// public_origin: scheme and authority as the client knows them, and URLs compared with such a pair (contract 4).
//
// Hosts are compared without case, and a scheme's default port is the same as none. URLs that are not http or https, or
// hide something in the authority (user information), match nothing. Pure; views into what was handed over.
#pragma once

#include <proxy/http/head.hpp>
#include <proxy/http/rewrite.hpp>

#include <optional>
#include <string_view>

namespace sandgate::proxy::http {

struct PublicOrigin {
  std::string_view scheme;  ///< `http` or `https`
  std::string_view authority;
};

/// X-Forwarded-* of a trusted proxy: where given exactly once and usable, else empty.
struct Believed {
  std::string_view proto;
  std::string_view host;
  std::string_view port;
};
Believed believed_fields(const RequestHead& request, const Scene& scene);

/// Where the client's browser thinks it is: as it asked the edge, or as it asked the trusted proxy in front.
PublicOrigin public_origin(const RequestHead& request, const Scene& scene);

/// A URL with an authority, cut in three. `rest` is empty or begins with `/`, `?` or `#`.
struct UrlParts {
  std::string_view scheme;  ///< As written; empty in a network-path reference (`//host/path`).
  std::string_view authority;
  std::string_view rest;
};
std::optional<UrlParts> split_url(std::string_view url);

/// The host of `host[:port]`, brackets of an IPv6 literal included.
std::string_view host_of(std::string_view authority);

/// Whether both authorities name one place under `scheme`.
bool is_same_authority(std::string_view a, std::string_view b, std::string_view scheme);

}  // namespace sandgate::proxy::http

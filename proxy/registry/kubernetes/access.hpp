// access: where the API server is, and as whom the edge speaks to it.
//
// Read from files anew for every request: tokens are replaced every hour, certificates now and then, and what a file
// holds at the time is what counts. In a cluster: KUBERNETES_SERVICE_HOST and _PORT, and `token` and `ca.crt` of the
// service account's folder. Elsewhere: a kubeconfig.
#pragma once

#include <config/config.hpp>
#include <proxy/net/tls_client.hpp>

#include <cstdint>
#include <string>
#include <variant>

namespace sandgate::proxy::registry::kubernetes {

/// The server, and how it is known. While this stays as it is a connection may be used on.
struct Server {
  bool is_tls = true;
  std::string host;
  std::uint16_t port = 443;
  std::string verified_name;  ///< Whom its certificate must name.
  net::TlsClientTexts tls;
  friend bool operator==(const Server&, const Server&) = default;
};

struct Access {
  Server server;
  std::string path_prefix;
  std::string token;  ///< Empty: none is sent.
};

/// Otherwise what is wrong, with the file or the variable.
std::variant<Access, std::string> read_access(const config::KubernetesRegistry& config);

}  // namespace sandgate::proxy::registry::kubernetes

// kubeconfig: the file that tells kubectl where a cluster is, and as whom to speak to it; its current context.
//
// Read leniently, since it is another program's: what is not needed here is passed over. But what would be needed and
// is not supported (plugins that fetch credentials, no verification of the server) is an error and never left out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace sandgate::config {

/// A text that is in the kubeconfig itself, or in a file beside it. Both empty: none.
struct TextOrFile {
  std::string text;
  std::string path;  ///< As written: relative to the kubeconfig's folder.
};

struct Kubeconfig {
  bool is_tls = true;
  std::string host;  ///< A name or an IP address, IPv6 without brackets.
  std::uint16_t port = 443;
  std::string path_prefix;      ///< Before every path: "/k8s/clusters/c-1".
  std::string tls_server_name;  ///< Whom the certificate must name, where that is not the host.
  TextOrFile ca;
  TextOrFile certificate;
  TextOrFile key;
  TextOrFile token;
};

/// Otherwise what is wrong. `file` is only a name.
std::variant<Kubeconfig, std::string> parse_kubeconfig(std::string_view text, const std::string& file);

}  // namespace sandgate::config

#include <config/kubeconfig.hpp>
#include <proxy/commands/text_file.hpp>
#include <proxy/registry/kubernetes/access.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets one.
  return value == nullptr ? std::string() : value;
}

/// A token that could not stand in a field line would end it, or begin another.
void check_token(const std::string& token) {
  const bool is_visible = std::ranges::all_of(token, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!is_visible) throw std::runtime_error("the token holds what no token may");
}

Access read_in_cluster(const std::string& folder) {
  Access access;
  access.server.host = variable("KUBERNETES_SERVICE_HOST");
  const std::string port = variable("KUBERNETES_SERVICE_PORT");
  if (access.server.host.empty() || port.empty()) {
    throw std::runtime_error(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod of a cluster; outside of one "
        "set "
        "registry.kubernetes.kubeconfig");
  }
  const char* const end = port.data() + port.size();
  const auto number = std::from_chars(port.data(), end, access.server.port);
  if (number.ec != std::errc{} || number.ptr != end) throw std::runtime_error("KUBERNETES_SERVICE_PORT is no port");
  access.server.verified_name = access.server.host;
  access.server.tls.ca = commands::read_file(folder + "/ca.crt");
  access.token = commands::read_token(folder + "/token");
  return access;
}

std::string read_text(const config::TextOrFile& from, const std::filesystem::path& folder) {
  return from.path.empty() ? from.text : commands::read_file((folder / from.path).string());
}

Access read_outside(const std::string& path) {
  auto parsed = config::parse_kubeconfig(commands::read_file(path), path);
  if (auto* problem = std::get_if<std::string>(&parsed)) throw std::runtime_error(*problem);
  const auto& kubeconfig = std::get<config::Kubeconfig>(parsed);
  const auto folder = std::filesystem::path(path).parent_path();
  Access access;
  access.server.is_tls = kubeconfig.is_tls;
  access.server.host = kubeconfig.host;
  access.server.port = kubeconfig.port;
  access.server.verified_name = kubeconfig.tls_server_name.empty() ? kubeconfig.host : kubeconfig.tls_server_name;
  access.server.tls.ca = read_text(kubeconfig.ca, folder);
  access.server.tls.certificate = read_text(kubeconfig.certificate, folder);
  access.server.tls.key = read_text(kubeconfig.key, folder);
  access.path_prefix = kubeconfig.path_prefix;
  access.token = kubeconfig.token.path.empty() ? kubeconfig.token.text
                                               : commands::read_token((folder / kubeconfig.token.path).string());
  return access;
}

}  // namespace

std::variant<Access, std::string> read_access(const config::KubernetesRegistry& config) {
  try {
    Access access =
        config.kubeconfig.empty() ? read_in_cluster(config.service_account) : read_outside(config.kubeconfig);
    check_token(access.token);
    return access;
  } catch (const std::exception& error) {
    return std::string(error.what());
  }
}

}  // namespace sandgate::proxy::registry::kubernetes

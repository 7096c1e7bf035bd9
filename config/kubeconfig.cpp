#include <config/base64.hpp>
#include <config/ip_address.hpp>
#include <config/kubeconfig.hpp>
#include <config/text_check.hpp>
#include <config/yaml_tree.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace sandgate::config {
namespace {

/// What is wrong; empty: nothing.
using Wrong = std::string;

const YamlNode* find(const YamlNode& map, std::string_view key) {
  const auto found = std::ranges::find(map.keys, key, &YamlKey::text);
  return found == map.keys.end() ? nullptr : &map.children[static_cast<std::size_t>(found - map.keys.begin())];
}

std::string text_of(const YamlNode& map, std::string_view key) {
  const YamlNode* node = find(map, key);
  return node == nullptr || node->kind != YamlNode::Kind::scalar ? std::string() : node->text;
}

/// The `part` ("cluster") of the item of `list` ("clusters") that is called `name`.
const YamlNode* find_named(const YamlNode& root, const char* list, const char* part, const std::string& name) {
  const YamlNode* items = find(root, list);
  if (items == nullptr) return nullptr;
  const auto item =
      std::ranges::find_if(items->children, [&](const YamlNode& one) { return text_of(one, "name") == name; });
  return item == items->children.end() ? nullptr : find(*item, part);
}

Wrong read_data(const YamlNode& map, const std::string& key, TextOrFile& into) {
  into.path = text_of(map, key);
  const std::string data = text_of(map, key + "-data");
  if (data.empty()) return {};
  const auto decoded = decode_base64(data);
  if (!decoded) return key + "-data must be base64";
  into = {*decoded, {}};
  return {};
}

bool is_this_machine(const std::string& host) {
  const auto address = IpAddress::parse(host);
  return host == "localhost" || (address && classify(*address) == AddressClass::loopback);
}

/// "https://host:port/prefix"
Wrong read_server(std::string url, Kubeconfig& kubeconfig) {
  constexpr std::string_view kTls = "https://";
  constexpr std::string_view kPlain = "http://";
  constexpr std::uint16_t kPlainPort = 80;
  const char* const wanted = "server must be a URL such as https://10.0.0.1:6443";
  kubeconfig.is_tls = url.starts_with(kTls);
  if (!kubeconfig.is_tls && !url.starts_with(kPlain)) return wanted;
  if (!kubeconfig.is_tls) kubeconfig.port = kPlainPort;
  url.erase(0, kubeconfig.is_tls ? kTls.size() : kPlain.size());
  const auto slash = url.find('/');
  if (slash != std::string::npos) kubeconfig.path_prefix = url.substr(slash);
  while (kubeconfig.path_prefix.ends_with('/')) kubeconfig.path_prefix.pop_back();
  url.resize(std::min(slash, url.size()));
  const bool is_bracketed = url.starts_with('[');
  const auto host_end = is_bracketed ? url.find(']') : url.find(':');
  if (is_bracketed && host_end == std::string::npos) return wanted;
  kubeconfig.host = url.substr(is_bracketed ? 1 : 0, is_bracketed ? host_end - 1 : host_end);
  const auto rest =
      std::min(host_end == std::string::npos ? url.size() : host_end + (is_bracketed ? 1 : 0), url.size());
  const std::string port = url.substr(rest);
  const auto is_visible = [](char c) { return c > ' ' && c < '\x7f' && c != '@' && c != '?' && c != '#'; };
  const bool is_fine = std::ranges::all_of(kubeconfig.path_prefix + kubeconfig.host, is_visible);
  if (kubeconfig.host.empty() || !is_fine) return wanted;
  if (!kubeconfig.is_tls && !is_this_machine(kubeconfig.host)) return "server must be https:// but on this machine";
  if (port.empty()) return {};
  const char* const end = port.data() + port.size();
  const auto number = std::from_chars(port.data() + 1, end, kubeconfig.port);
  if (port.front() != ':' || number.ec != std::errc{} || number.ptr != end || kubeconfig.port == 0) return wanted;
  return {};
}

Wrong read_cluster(const YamlNode& cluster, Kubeconfig& kubeconfig) {
  if (text_of(cluster, "insecure-skip-tls-verify") == "true") {
    return "insecure-skip-tls-verify is not supported: name the authority as certificate-authority";
  }
  if (!text_of(cluster, "proxy-url").empty()) return "proxy-url is not supported";
  kubeconfig.tls_server_name = text_of(cluster, "tls-server-name");
  if (auto wrong = read_data(cluster, "certificate-authority", kubeconfig.ca); !wrong.empty()) return wrong;
  return read_server(text_of(cluster, "server"), kubeconfig);
}

Wrong read_user(const YamlNode& user, Kubeconfig& kubeconfig) {
  for (const char* unsupported : {"exec", "auth-provider", "username", "password", "as"}) {
    if (find(user, unsupported) == nullptr) continue;
    return std::string(unsupported) + " is not supported: use a token, tokenFile, or a client certificate";
  }
  kubeconfig.token = {text_of(user, "token"), text_of(user, "tokenFile")};
  if (!kubeconfig.token.path.empty()) kubeconfig.token.text.clear();
  if (auto wrong = read_data(user, "client-certificate", kubeconfig.certificate); !wrong.empty()) return wrong;
  return read_data(user, "client-key", kubeconfig.key);
}

Wrong read_root(const YamlNode& root, Kubeconfig& kubeconfig) {
  const std::string name = text_of(root, "current-context");
  if (name.empty()) return "has no current-context";
  const YamlNode* context = find_named(root, "contexts", "context", name);
  if (context == nullptr) return "has no context of the name of its current-context";
  const YamlNode* cluster = find_named(root, "clusters", "cluster", text_of(*context, "cluster"));
  if (cluster == nullptr) return "has no cluster of the name its current context says";
  if (auto wrong = read_cluster(*cluster, kubeconfig); !wrong.empty()) return wrong;
  const std::string user_name = text_of(*context, "user");
  if (user_name.empty()) return {};
  const YamlNode* user = find_named(root, "users", "user", user_name);
  if (user == nullptr) return "has no user of the name its current context says";
  return read_user(*user, kubeconfig);
}

}  // namespace

std::variant<Kubeconfig, std::string> parse_kubeconfig(std::string_view text, const std::string& file) {
  const auto parsed = parse_tree(text, file);
  if (const auto* problem = std::get_if<Problem>(&parsed)) return problem->to_string();
  Kubeconfig kubeconfig;
  if (auto wrong = read_root(std::get<YamlNode>(parsed), kubeconfig); !wrong.empty()) return file + ": " + wrong;
  return kubeconfig;
}

}  // namespace sandgate::config

#include <config/base64.hpp>
#include <config/kubeconfig.hpp>

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <variant>

namespace sandgate::config {
namespace {

std::string with(const std::string& cluster, const std::string& user) {
  return "current-context: here\n"
         "contexts: [{name: there, context: {cluster: far}}, {name: here, context: {cluster: it, user: me}}]\n"
         "clusters: [{name: it, cluster: {" +
         cluster + "}}]\nusers: [{name: me, user: {" + user + "}}]\npreferences: {colors: true}\n";
}

Kubeconfig read(const std::string& text) {
  auto parsed = parse_kubeconfig(text, "kubeconfig");
  if (const auto* problem = std::get_if<std::string>(&parsed)) FAIL(*problem);
  return std::get<Kubeconfig>(parsed);
}

TEST_CASE("kubeconfig: says where its current context is", "[config]") {
  struct Place {
    std::string server, host, prefix;
    std::uint16_t port;
    bool is_tls;
  };
  const auto place = GENERATE(values<Place>({{"https://10.0.0.1:6443", "10.0.0.1", "", 6443, true},
                                             {"https://api.example.com", "api.example.com", "", 443, true},
                                             {"https://[::1]:6443/", "::1", "", 6443, true},
                                             {"https://[::1]", "::1", "", 443, true},
                                             {"http://localhost:8001", "localhost", "", 8001, false},
                                             {"https://a.b/k8s/c-1/", "a.b", "/k8s/c-1", 443, true}}));
  CAPTURE(place.server);
  const Kubeconfig config = read(with("server: \"" + place.server + "\"", ""));
  CHECK(config.host == place.host);
  CHECK(config.port == place.port);
  CHECK(config.path_prefix == place.prefix);
  CHECK(config.is_tls == place.is_tls);
}

TEST_CASE("kubeconfig: credentials are texts or files", "[config]") {
  const Kubeconfig config =
      read(with("server: https://a, certificate-authority: ca.pem, tls-server-name: kubernetes",
                "token: secret, client-certificate-data: Y2VydA==, client-key-data: a2V5, client-key: unused"));
  CHECK(config.ca.path == "ca.pem");
  CHECK(config.tls_server_name == "kubernetes");
  CHECK(config.token.text == "secret");
  CHECK(config.certificate.text == "cert");
  CHECK(config.key.text == "key");
  CHECK(config.key.path.empty());
  const Kubeconfig file = read(with("server: https://a", "token: old, tokenFile: /var/token"));
  CHECK(file.token.text.empty());
  CHECK(file.token.path == "/var/token");
}

TEST_CASE("kubeconfig: what is wrong, or not supported, is said", "[config]") {
  const auto text = GENERATE(
      as<std::string>(), "", "a: [", "current-context: x", "current-context: here\ncontexts: []",
      with("server: 10.0.0.1", ""), with("server: \"https://\"", ""), with("server: \"https://a:0\"", ""),
      with("server: \"https://a:b\"", ""), with("server: \"https://a:99999\"", ""),
      with("server: \"https://[::1\"", ""), with("server: \"https://u@a\"", ""),
      with("server: \"http://10.0.0.1\"", ""), with("server: \"https://a/b c\"", ""), with("", ""),
      with("server: https://a, insecure-skip-tls-verify: true", ""),
      with("server: https://a, proxy-url: \"http://p\"", ""),
      with("server: https://a, certificate-authority-data: \"%\"", ""), with("server: https://a", "exec: {command: x}"),
      with("server: https://a", "username: x"), with("server: https://a", "client-key-data: x"));
  CAPTURE(text);
  CHECK(std::holds_alternative<std::string>(parse_kubeconfig(text, "kubeconfig")));
}

TEST_CASE("base64: is decoded, or is none", "[config]") {
  using Decoded = std::optional<std::string>;
  CHECK(decode_base64("") == Decoded(""));
  CHECK(decode_base64("Zg==") == Decoded("f"));
  CHECK(decode_base64("Zm8=") == Decoded("fo"));
  CHECK(decode_base64("Zm9v\nYmFy\r\n") == Decoded("foobar"));
  CHECK(decode_base64("//+A") == Decoded("\xff\xff\x80"));
  for (const char* none : {"Zg", "Zg=", "Zg===", "Z===", "====", "Zg==Zg==", "Z g=", "Zm9-", "Zm9v="}) {
    CAPTURE(none);
    CHECK_FALSE(decode_base64(none));
  }
}

}  // namespace
}  // namespace sandgate::config

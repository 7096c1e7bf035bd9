#include <config/config.hpp>

namespace sandgate::config {

Config default_config() {
  Config config;
  config.admin.address = Endpoint::parse("127.0.0.1:9090").value();
  // The private ranges of RFC 1918 and RFC 4193.
  for (const char* range : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}) {
    config.upstream.allow.push_back(IpRange::parse(range).value());
  }
  return config;
}

}  // namespace sandgate::config

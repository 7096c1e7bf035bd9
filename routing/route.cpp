#include <routing/route.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::routing {

PortList::PortList(std::vector<std::uint16_t> ports) {
  if (ports.empty()) return;
  const boost::intrusive_ptr<Ports> made(new Ports);
  made->sorted = std::move(ports);
  std::sort(made->sorted.begin(), made->sorted.end());
  ports_ = made;
}

bool PortList::contains(std::uint16_t port) const {
  return ports_ && std::binary_search(ports_->sorted.begin(), ports_->sorted.end(), port);
}

UpstreamProtocol Route::protocol(std::uint16_t port) const {
  return h2c_ports.contains(port) ? UpstreamProtocol::h2c : UpstreamProtocol::http1;
}

}  // namespace sandgate::routing

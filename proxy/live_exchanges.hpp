// live_exchanges: what a worker has open to sandboxes, so that a change of a route can end it.
#pragma once

#include <proxy/base/failure.hpp>
#include <proxy/permission.hpp>
#include <routing/route.hpp>

#include <boost/intrusive/list.hpp>

#include <cstdint>
#include <vector>

namespace sandgate::proxy {

/// An exchange or tunnel that has an upstream. Linked while it lives.
class LiveExchange
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  /// Both outlive it.
  LiveExchange(const routing::Route& route, const Grounds& grounds) : route_(route), grounds_(grounds) {}
  const routing::Route& route() const { return route_; }
  const Grounds& grounds() const { return grounds_; }
  /// Ends it now, for the reason given. Only the first reason counts.
  virtual void end(Failure why) = 0;

 protected:
  ~LiveExchange() = default;

 private:
  const routing::Route& route_;
  const Grounds& grounds_;
};

class LiveExchanges {
 public:
  void add(LiveExchange& exchange) { list_.push_back(exchange); }

  /// Ends what is open to `id` under another generation than that of `now`, or what `now` does not permit any longer;
  /// null: all of it.
  void change_route(const routing::SandboxId& id, const routing::Route* now,
                    const std::vector<std::uint16_t>& exempt_ports) {
    for (auto it = list_.begin(); it != list_.end();) {
      LiveExchange& exchange = *it++;
      if (!(exchange.route().id == id)) continue;
      if (now == nullptr || exchange.route().generation != now->generation) {
        exchange.end(Failure::route_changed);
      } else if (const Result<void> permitted = permit(*now, exchange.grounds(), exempt_ports); permitted.has_error()) {
        exchange.end(permitted.error());
      }
    }
  }
  void end_all(Failure why) {
    for (auto it = list_.begin(); it != list_.end();) (it++)->end(why);
  }

 private:
  boost::intrusive::list<LiveExchange, boost::intrusive::constant_time_size<false>> list_;
};

}  // namespace sandgate::proxy

// live_exchanges: what a worker has open to sandboxes, so that a change of a route can end it.
#pragma once

#include <proxy/base/failure.hpp>
#include <routing/route.hpp>

#include <boost/intrusive/list.hpp>

#include <string_view>

namespace sandgate::proxy {

/// An exchange or tunnel that has an upstream. Linked while it lives.
class LiveExchange
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit LiveExchange(const routing::Route& route) : route_(route) {}
  const routing::Route& route() const { return route_; }
  /// Ends it now, for the reason given. Only the first reason counts.
  virtual void end(Failure why) = 0;

 protected:
  ~LiveExchange() = default;

 private:
  const routing::Route& route_;
};

class LiveExchanges {
 public:
  void add(LiveExchange& exchange) { list_.push_back(exchange); }

  /// Ends what is open to `id` under another generation than `generation`; an empty one: all of it.
  void end_generation(const routing::SandboxId& id, std::string_view generation) {
    for (auto it = list_.begin(); it != list_.end();) {
      LiveExchange& exchange = *it++;
      if (exchange.route().id == id && exchange.route().generation != generation) exchange.end(Failure::route_changed);
    }
  }
  void end_all(Failure why) {
    for (auto it = list_.begin(); it != list_.end();) (it++)->end(why);
  }

 private:
  boost::intrusive::list<LiveExchange, boost::intrusive::constant_time_size<false>> list_;
};

}  // namespace sandgate::proxy

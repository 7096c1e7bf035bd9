// connection: one TCP connection to a port of a sandbox, and whose it is.
#pragma once

#include <proxy/base/calling.hpp>
#include <proxy/net/transport.hpp>
#include <proxy/upstream/idle_list.hpp>
#include <proxy/upstream/pool_key.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace sandgate::proxy::upstream {

/// What the pool knows of a key; it lives while any connection of it does.
struct PoolShelf {
  PoolKey key;
  std::string endpoint_text;
  IdleShelf idle;
  std::size_t connections = 0;  ///< Idle and in use.
};

class Connection final : public IdleEntry {
 public:
  /// Told when an idle connection must go: it spoke, it ended, or it was idle for too long.
  class Owner {
   public:
    virtual void idle_ended(Connection& connection) = 0;

   protected:
    ~Owner() = default;
  };

  Connection(Loop& loop, BufferPool& buffers, UniqueFd socket, Owner& owner)
      : transport(loop, buffers, std::move(socket)), owner_(owner) {}

  net::Transport transport;
  PoolShelf* shelf = nullptr;
  std::shared_ptr<routing::Usage> usage;
  std::uint32_t exchanges = 0;  ///< That it has carried.

  /// From now on any byte, its end, or `until` passing ends it.
  void rest(TimePoint until) {
    transport.loop().arm(expired_, until);
    transport.on_readable(&heard_);
  }
  void wake() {
    expired_.disarm();
    heard_.cancel();
    transport.on_readable(nullptr);
  }

 private:
  void end_rest() { owner_.idle_ended(*this); }

  CallSoon<&Connection::end_rest> heard_{*this};
  CallOnTime<&Connection::end_rest> expired_{*this};
  Owner& owner_;
};

}  // namespace sandgate::proxy::upstream

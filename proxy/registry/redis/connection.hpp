// connection: one connection to a Redis server: commands out, replies in, in the order they were asked for.
//
// Commands of one round of the loop leave in one write. Once pings were started one goes out every kPingEvery whether or
// not anything else does, and a server that sends nothing for kPatience is taken for gone: that bounds how long a broken
// connection can go unnoticed. Replies nobody asked for (messages of a subscription) go to `pushed`; on a connection
// that has none they end it.
//
//   open ──▶ run: until it ends, for whatever reason ──▶ every reply that is still owed is "lost" ──▶ may be destroyed
#pragma once

#include <config/ip_address.hpp>
#include <proxy/base/calling.hpp>
#include <proxy/base/fork.hpp>
#include <proxy/net/tls_client.hpp>
#include <proxy/net/transport.hpp>
#include <proxy/registry/redis/resp.hpp>

#include <chrono>
#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry::redis {

class Connection {
 public:
  static constexpr std::chrono::milliseconds kPingEvery{500};
  static constexpr std::chrono::milliseconds kPatience{2'000};
  static constexpr std::chrono::milliseconds kOpenPatience{1'500};  ///< Connect and TLS together.

  struct Address {
    config::Endpoint endpoint;
    std::string host;                           ///< What the server's certificate must be of.
    std::shared_ptr<const net::TlsClient> tls;  ///< Null: plain.
  };
  /// Null: the connection ended first.
  using OnReplies = std::function<void(std::vector<Reply>* replies)>;
  using OnPush = std::function<void(Reply& message)>;

  Connection(Loop& loop, BufferPool& buffers, OnPush pushed);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Empty: it stands. Otherwise why not.
  Task<std::string> open(Address address);
  /// Reads until the connection ends; says why.
  Task<std::string> run();
  /// `commands` are `replies` commands; `done` gets their replies together. At once, and null, when the connection is over.
  void send(std::string_view commands, std::size_t replies, OnReplies done);
  /// Commands whose replies, if any, are pushed.
  void send(std::string_view commands);
  /// For a subscription: once it stands, and not before, since its pongs are pushed.
  void start_pings();
  /// Ends it; `run` then returns.
  void abort(std::string why);
  bool is_open() const { return is_open_; }

 private:
  struct Expected {
    std::size_t replies;
    OnReplies done;
    std::vector<Reply> got;
  };

  Task<void> read_all();
  void take_replies();
  void take(Reply reply);
  void begin_writing();
  Detached write_all();
  void ping();
  void lose_expected();

  Loop& loop_;
  BufferPool& buffers_;
  OnPush pushed_;
  std::unique_ptr<net::Transport> transport_;
  ReplyReader reader_;
  std::deque<Expected> expected_;
  std::string outbox_;
  std::string leaving_;       ///< What is being written.
  Event* written_ = nullptr;  ///< Set when the last write is over, once somebody waits for that.
  CallSoon<&Connection::begin_writing> flush_{*this};
  CallOnTime<&Connection::ping> ping_{*this};
  std::string why_;
  bool is_open_ = false;
  bool is_over_ = false;  ///< `run` has ended: nothing is owed any more.
  bool is_writing_ = false;
};

/// Commands and the wait for their replies: a local of the coroutine that asks.
class Asked {
 public:
  Asked(Loop& loop, Connection& connection, std::string_view commands, std::size_t replies) : done_(loop) {
    connection.send(commands, replies, [this](std::vector<Reply>* got) {
      is_lost_ = got == nullptr;
      if (got != nullptr) replies_ = std::move(*got);
      done_.set();
    });
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  /// co_await asked
  bool await_ready() const { return done_.await_ready(); }
  void await_suspend(std::coroutine_handle<> handle) { done_.await_suspend(handle); }
  void await_resume() const {}

  bool is_lost() const { return is_lost_; }
  std::vector<Reply>& replies() { return replies_; }

 private:
  Event done_;
  std::vector<Reply> replies_;
  bool is_lost_ = false;
};

}  // namespace sandgate::proxy::registry::redis

// h2_link: one HTTP/2 connection to a port of a sandbox, shared by the streams of many exchanges (h2c, RFC 9113 3.3).
//
// It takes streams until the sandbox says otherwise (GOAWAY, its stream limit) or does not take what it is sent, rests
// for sandbox_idle when it has none, and is over with the connection: every stream is told, and the owner once none is
// left.
#pragma once

#include <config/config.hpp>
#include <proxy/base/calling.hpp>
#include <proxy/base/fork.hpp>
#include <proxy/base/signal.hpp>
#include <proxy/h2/connection.hpp>
#include <proxy/metrics.hpp>
#include <proxy/upstream/connection.hpp>

#include <boost/intrusive/list.hpp>

#include <memory>
#include <string_view>

namespace sandgate::proxy::upstream {

/// A stream of a link, as the link sees it.
class LinkedStream : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>> {
 public:
  /// The connection is over; `why` says whether the sandbox broke the protocol.
  virtual void lost(h2::ErrorCode why) = 0;

 protected:
  ~LinkedStream() = default;
};

class H2Link final : private h2::Connection::Owner {
 public:
  /// Takes the connection back when the link is over; called from the loop, never inside a call to the link.
  class Keeper {
   public:
    virtual void link_ended(H2Link& link) = 0;

   protected:
    ~Keeper() = default;
  };
  struct Environment {
    BufferPool& buffers;
    Metrics& metrics;
    const std::shared_ptr<const config::Config>& config;
  };

  /// Takes the connection once nothing can fail any more: if this throws (std::bad_alloc), it is still the caller's.
  H2Link(std::unique_ptr<Connection>&& connection, const Environment& environment, Keeper& keeper);
  ~H2Link();
  H2Link(const H2Link&) = delete;
  H2Link& operator=(const H2Link&) = delete;

  /// Another stream can be opened.
  bool has_room() const;
  bool has_carried() const { return tcp_->exchanges > 0; }
  std::string_view endpoint_text() const { return tcp_->shelf->endpoint_text; }
  const PoolShelf& shelf() const { return *tcp_->shelf; }
  /// At its end: the link is not used any more.
  std::unique_ptr<Connection> take_connection();

  h2::Connection& connection() { return connection_; }
  void add(LinkedStream& stream);
  void remove(LinkedStream& stream);
  /// Every stream ends, and the connection.
  void abort() { connection_.abort(); }

 private:
  h2::StreamHandler* opened(h2::StreamId /*id*/) override { return nullptr; }  // A sandbox opens none.
  void going_away(h2::StreamId /*last*/) override { takes_streams_ = false; }
  void received() override {}
  void lost(h2::ErrorCode why) override;

  Companion run(Task<void> moving);
  void close();
  void report_end() { keeper_.link_ended(*this); }
  void move_gauge(UpstreamState from, UpstreamState to);

  std::unique_ptr<Connection> tcp_;
  Environment environment_;
  Keeper& keeper_;
  h2::Connection connection_;
  boost::intrusive::list<LinkedStream, boost::intrusive::constant_time_size<true>> streams_;
  bool takes_streams_ = true;
  bool is_closing_ = false;
  Signal none_left_;
  CallOnTime<&H2Link::close> rested_{*this};
  CallSoon<&H2Link::report_end> ended_{*this};
  Companion running_;
};

}  // namespace sandgate::proxy::upstream

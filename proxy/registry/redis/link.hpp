// link: one Redis server as the edge uses it: a connection that is asked, and one that is told of every change.
//
//              ask                                      told
//   AUTH, SELECT | READONLY              AUTH, CLIENT ID, SUBSCRIBE __redis__:invalidate
//   CLIENT TRACKING ON REDIRECT <id of told> BCAST PREFIX <prefix>
//   PTTL, GETRANGE, EVAL, ...            one message for each change of a key under the prefix, null for "all of them"
//
//   away ──ask stands──▶ untracked ──told stands, tracking is on──▶ tracked
//    ▲ ▲                    │  ▲                                       │
//    │ └──── ask ended ─────┘  └────────────── told ended ─────────────┤
//    └───────────────────────────── ask ended ─────────────────────────┘
//
// What is read while it is tracked may be kept: it has the Trust of that session. A session's trust ends, for all that
// was read in it, the moment either connection does. Away means away: for kGrace after the ask connection ended, or
// until an attempt to connect has failed, it is not said yet, so that a connection that only hiccupped costs a moment.
// Then what the last sessions gave is stale: routes are used on, up to stale_for after their session ended.
//
// A replica is only asked; nothing is kept of what it says. Connecting is tried again for ever, a second apart at most.
#pragma once

#include <proxy/base/calling.hpp>
#include <proxy/base/fork.hpp>
#include <proxy/net/resolve.hpp>
#include <proxy/registry/redis/connection.hpp>
#include <routing/trust.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry::redis {

/// How every server of a configuration is reached.
struct Access {
  std::string username;
  std::string password;
  std::uint32_t database = 0;
  std::string key_prefix;
  std::chrono::milliseconds stale_for{0};
  std::shared_ptr<const net::TlsClient> tls;
};

enum class LinkState : std::uint8_t { away, untracked, tracked };
enum class LinkRole : std::uint8_t { master, replica };

class Link {
 public:
  static constexpr std::chrono::milliseconds kGrace{250};

  /// Where the server is. `host` is a name or an address; with `unix_path` it means nothing.
  struct Place {
    std::string host;
    std::uint16_t port = 0;
    std::string unix_path;
    std::string text() const { return unix_path.empty() ? host + ":" + std::to_string(port) : unix_path; }
    friend bool operator==(const Place&, const Place&) = default;
  };
  class Owner {
   public:
    virtual void link_changed(Link& link) = 0;
    /// A key under the prefix changed.
    virtual void key_changed(std::string_view key) = 0;
    /// Any key of this server may have.
    virtual void all_changed(Link& link) = 0;

   protected:
    ~Owner() = default;
  };
  struct Environment {
    Loop& loop;
    BufferPool& buffers;
    Owner& owner;
    const Access& access;
  };

  Link(const Environment& environment, Place place, LinkRole role);
  ~Link();
  /// Once its owner knows it.
  void begin();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  const Place& place() const { return place_; }
  LinkRole role() const { return role_; }
  /// A replica becomes a master, or the other way round.
  void change_role(LinkRole role);
  LinkState state() const { return state_; }
  bool is_usable() const;
  /// Of what is read now. Not to be kept beyond this round unless it is put into the table.
  const routing::TrustPtr& trust() const { return sessions_.back().trust; }
  /// When it was last tracked; now, while it is.
  TimePoint exact_at() const { return state_ == LinkState::tracked ? environment_.loop.now() : exact_at_; }
  const std::string& problem() const { return problem_; }  ///< Why it is not tracked; empty: nothing is known.

  /// Only while it is usable.
  void send(std::string_view commands, std::size_t replies, Connection::OnReplies done) {
    ask_->send(commands, replies, std::move(done));
  }
  Connection& asking() { return *ask_; }  ///< Only while it is usable.
  /// Nothing that was read before is believed any more, nor used when the server is away.
  void renounce();

  /// Ends everything; `is_over` once it has.
  void stop();
  bool is_over() const { return running_->is_done(); }

 private:
  struct Session {
    routing::TrustPtr trust;
    TimePoint ended_at = kNever;
  };

  Task<void> run();
  Task<void> run_told();
  Task<std::string> connect(Connection& connection);
  struct Greeting {
    std::string commands;
    std::size_t replies = 0;
  };
  Greeting greeting() const;
  std::string track_commands(long long told_id) const;
  Task<std::string> greet(Connection& connection);
  Task<std::string> track(Connection& told);
  Task<std::string> ask_once(Connection& connection, std::string commands, std::size_t replies,
                             std::vector<Reply>& got);
  Task<void> rest(std::chrono::milliseconds pause);
  void hear(Reply& message);

  void become(LinkState state);
  void open_session();
  void end_session();
  void say_away();
  void forget_sessions();

  Environment environment_;
  Place place_;
  LinkRole role_;
  LinkState state_ = LinkState::away;
  net::NameResolver resolver_;
  std::unique_ptr<Connection> ask_;
  std::unique_ptr<Connection> told_;
  std::deque<Session> sessions_;  ///< The last is the current one.
  TimePoint exact_at_;
  std::string problem_;
  CallOnTime<&Link::say_away> away_timer_{*this};
  CallOnTime<&Link::forget_sessions> stale_timer_{*this};
  bool is_said_away_ = false;
  bool is_stopping_ = false;
  std::optional<Fork> running_;
};

}  // namespace sandgate::proxy::registry::redis

#include <proxy/registry/redis/link.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::proxy::registry::redis {
namespace {

constexpr std::string_view kChannel = "__redis__:invalidate";
constexpr std::chrono::milliseconds kFirstPause{20};
constexpr std::chrono::milliseconds kLongestPause{1'000};
constexpr std::chrono::milliseconds kNap{50};  // How soon a pause notices that it was ended.

using routing::Standing;
using routing::Trust;
using routing::TrustPtr;

std::string subscribe_commands() { return command({"CLIENT", "ID"}) + command({"SUBSCRIBE", kChannel}); }

/// The first error among replies; empty: none.
std::string error_in(const std::vector<Reply>& replies) {
  const auto found = std::ranges::find_if(replies, &Reply::is_error);
  return found == replies.end() ? std::string() : found->text;
}

}  // namespace

Link::Link(const Environment& environment, Place place, LinkRole role)
    : environment_(environment),
      place_(std::move(place)),
      role_(role),
      resolver_(environment.loop),
      exact_at_(environment.loop.now()) {}

Link::~Link() = default;

void Link::begin() { running_.emplace(environment_.loop, run()); }

bool Link::is_usable() const { return state_ != LinkState::away && ask_ && ask_->is_open(); }

void Link::change_role(LinkRole role) {
  if (role_ == role) return;
  role_ = role;
  if (ask_) ask_->abort("its role in the cluster changed");  // READONLY and the subscription go with the role.
}

void Link::stop() {
  is_stopping_ = true;
  if (ask_) ask_->abort("stopping");
  if (told_) told_->abort("stopping");
}

// --- sessions -------------------------------------------------------------------------------------------------------

void Link::open_session() {
  const Standing standing = state_ == LinkState::tracked ? Standing::fresh : Standing::doubtful;
  sessions_.push_back({TrustPtr(new Trust(standing)), kNever});
}

void Link::renounce() {
  for (const Session& session : sessions_) session.trust->become(Standing::doubtful);
  sessions_.clear();
  if (state_ != LinkState::away) open_session();
}

void Link::end_session() {
  if (sessions_.empty() || sessions_.back().ended_at != kNever) return;
  sessions_.back().trust->become(Standing::doubtful);
  sessions_.back().ended_at = environment_.loop.now();
}

void Link::become(LinkState state) {
  if (state == state_) return;
  const bool was_away = state_ == LinkState::away;
  if (state_ == LinkState::tracked) exact_at_ = environment_.loop.now();
  if (state != LinkState::away) problem_.clear();
  state_ = state;
  if (state == LinkState::away) {
    end_session();
    environment_.loop.arm(away_timer_, environment_.loop.now() + kGrace);
  } else {
    away_timer_.disarm();
    stale_timer_.disarm();
    is_said_away_ = false;
    if (was_away) {
      for (const Session& session : sessions_) session.trust->become(Standing::doubtful);
      forget_sessions();
    }
    end_session();
    open_session();
  }
  if (!is_stopping_) environment_.owner.link_changed(*this);
}

void Link::say_away() {
  away_timer_.disarm();
  if (state_ != LinkState::away || is_said_away_ || is_stopping_) return;
  is_said_away_ = true;
  forget_sessions();
  environment_.owner.link_changed(*this);
}

/// Sessions that ended too long ago give nothing any more; the others' routes are used while nobody can be asked.
void Link::forget_sessions() {
  const TimePoint now = environment_.loop.now();
  while (!sessions_.empty() && sessions_.front().ended_at != kNever &&
         now - sessions_.front().ended_at >= environment_.access.stale_for) {
    sessions_.front().trust->become(Standing::doubtful);
    sessions_.pop_front();
  }
  if (!is_said_away_ || sessions_.empty()) return;
  for (const Session& session : sessions_) session.trust->become(Standing::stale);
  environment_.loop.arm(stale_timer_, sessions_.front().ended_at + environment_.access.stale_for);
}

// --- connections ----------------------------------------------------------------------------------------------------

Task<void> Link::rest(std::chrono::milliseconds pause) {
  const TimePoint until = environment_.loop.now() + pause;
  while (!is_stopping_ && environment_.loop.now() < until) {
    co_await Sleep(environment_.loop, std::min(until, environment_.loop.now() + kNap));
  }
}

Task<void> Link::run() {
  auto pause = kFirstPause;
  while (!is_stopping_) {
    ask_ = std::make_unique<Connection>(environment_.loop, environment_.buffers, nullptr);
    std::string why = co_await connect(*ask_);
    if (why.empty()) {
      Fork asking(environment_.loop,
                  [](Connection& ask, std::string& ended) -> Task<void> { ended = co_await ask.run(); }(*ask_, why));
      const std::string refused = co_await greet(*ask_);
      if (refused.empty()) {
        pause = kFirstPause;
        ask_->start_pings();
        become(LinkState::untracked);
        Fork telling(environment_.loop, run_told());
        co_await asking.join();
        problem_ = why;
        become(LinkState::away);
        if (told_) told_->abort("the other connection ended");
        co_await telling.join();
      } else {
        ask_->abort(refused);
        co_await asking.join();
      }
    }
    problem_ = why;
    ask_.reset();
    say_away();
    if (is_stopping_) break;
    co_await rest(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

/// As long as the other connection stands.
Task<void> Link::run_told() {
  auto pause = kFirstPause;
  while (state_ != LinkState::away && !is_stopping_ && role_ == LinkRole::master) {
    told_ = std::make_unique<Connection>(environment_.loop, environment_.buffers,
                                         [this](Reply& message) { hear(message); });
    std::string why = co_await connect(*told_);
    if (why.empty()) {
      Fork hearing(environment_.loop, [](Connection& told, std::string& ended) -> Task<void> {
        ended = co_await told.run();
      }(*told_, why));
      const std::string refused = co_await track(*told_);
      if (!refused.empty()) told_->abort(refused);
      if (refused.empty()) pause = kFirstPause;
      co_await hearing.join();
    }
    told_.reset();
    if (state_ == LinkState::away || is_stopping_) break;
    if (state_ == LinkState::tracked) {
      become(LinkState::untracked);
    } else {
      problem_ = why;
      environment_.owner.link_changed(*this);
    }
    co_await rest(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

Task<std::string> Link::connect(Connection& connection) {
  std::string why = "there is no such host";
  if (!place_.unix_path.empty()) {
    config::Endpoint endpoint;
    endpoint.unix_path = place_.unix_path;
    Connection::Address address{endpoint, {}, nullptr};
    why = co_await connection.open(std::move(address));
    co_return why;
  }
  const std::vector<config::IpAddress> addresses = co_await resolver_.resolve(place_.host);
  for (const config::IpAddress& ip : addresses) {
    if (is_stopping_) co_return "stopping";
    Connection::Address address{{ip, place_.port, {}}, place_.host, environment_.access.tls};
    why = co_await connection.open(std::move(address));
    if (why.empty()) break;
  }
  co_return why;
}

Task<std::string> Link::ask_once(Connection& connection, std::string commands, std::size_t replies,
                                 std::vector<Reply>& got) {
  Asked asked(environment_.loop, connection, commands, replies);
  co_await asked;
  if (asked.is_lost()) co_return "the connection ended";
  got = std::move(asked.replies());
  co_return error_in(got);
}

Link::Greeting Link::greeting() const {
  const Access& access = environment_.access;
  Greeting greeting;
  const auto add = [&](const std::string& text) {
    greeting.commands += text;
    ++greeting.replies;
  };
  if (!access.username.empty()) {
    add(command({"AUTH", access.username, access.password}));
  } else if (!access.password.empty()) {
    add(command({"AUTH", access.password}));
  }
  if (access.database != 0) add(command({"SELECT", std::to_string(access.database)}));
  if (role_ == LinkRole::replica) add(command({"READONLY"}));
  add(command({"PING"}));
  return greeting;
}

Task<std::string> Link::greet(Connection& connection) {
  const Greeting hello = greeting();
  std::vector<Reply> got;
  const std::string why = co_await ask_once(connection, hello.commands, hello.replies, got);
  co_return why;
}

std::string Link::track_commands(long long told_id) const {
  const std::string id = std::to_string(told_id);
  return command({"CLIENT", "TRACKING", "OFF"}) +
         command({"CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", environment_.access.key_prefix});
}

/// Empty: every change is told of from now on.
Task<std::string> Link::track(Connection& told) {
  std::string why = co_await greet(told);
  if (!why.empty()) co_return why;
  std::vector<Reply> got;
  why = co_await ask_once(told, subscribe_commands(), 2, got);
  if (!why.empty()) co_return why;
  told.start_pings();
  if (state_ == LinkState::away) co_return "the other connection ended";
  const std::string commands = track_commands(got.front().integer);
  // What is asked before this reply is not tracked; what is asked after it is.
  why = co_await ask_once(*ask_, commands, 2, got);
  if (why.empty() && told.is_open() && state_ != LinkState::away) become(LinkState::tracked);
  co_return why;
}

void Link::hear(Reply& message) {
  const bool is_message = message.elements.size() == 3 && message.elements[0].is_text("message");
  if (!is_message) return;  // A pong, or the end of a subscription, after which the connection ends too.
  const Reply& keys = message.elements[2];
  if (keys.kind != Reply::Kind::array) {
    renounce();
    environment_.owner.all_changed(*this);
    return;
  }
  for (const Reply& key : keys.elements) environment_.owner.key_changed(key.text);
}

}  // namespace sandgate::proxy::registry::redis

#include <proxy/net/socket_address.hpp>
#include <proxy/registry/redis/connection.hpp>

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace sandgate::proxy::registry::redis {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;

std::string text_of(int error) { return std::generic_category().message(error); }

std::string text_of(net::Io outcome) {
  switch (outcome) {
    case net::Io::ok:
      return {};
    case net::Io::end:
      return "the server closed the connection";
    case net::Io::broken:
      return "the connection broke";
    case net::Io::timed_out:
      return "the server does not answer";
    case net::Io::cancelled:
      return "given up";
  }
  return {};
}

}  // namespace

Connection::Connection(Loop& loop, BufferPool& buffers, OnPush pushed)
    : loop_(loop), buffers_(buffers), pushed_(std::move(pushed)) {}

Connection::~Connection() = default;

Task<std::string> Connection::open(Address address) {
  const TimePoint deadline = loop_.now() + kOpenPatience;
  const net::SocketAddress to = net::SocketAddress::from(address.endpoint);
  UniqueFd socket(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) co_return text_of(errno);
  const int one = 1;
  if (to.family() != AF_UNIX) setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const int result = ::connect(socket.number(), to.data(), to.size());
  if (result < 0 && errno != EINPROGRESS) co_return text_of(errno);
  transport_ = std::make_unique<net::Transport>(loop_, buffers_, std::move(socket));
  if (result < 0) {
    const net::Io connected = co_await transport_->connected(deadline);
    if (connected == net::Io::broken) co_return text_of(transport_->connect_error());
    if (connected != net::Io::ok) co_return text_of(connected);
  }
  if (address.tls) {
    const net::Io shaken = co_await transport_->handshake(address.tls->make_session(address.host), deadline);
    if (shaken == net::Io::broken) co_return net::handshake_error(transport_->ssl());
    if (shaken != net::Io::ok) co_return text_of(shaken);
  }
  is_open_ = true;
  if (!outbox_.empty()) loop_.schedule(flush_);
  co_return std::string();
}

Task<std::string> Connection::run() {
  co_await read_all();
  is_open_ = false;
  ping_.disarm();
  flush_.cancel();
  transport_->abort();
  if (is_writing_) {
    Event written(loop_);
    written_ = &written;
    co_await written;
  }
  is_over_ = true;
  lose_expected();
  co_return why_;
}

Task<void> Connection::read_all() {
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    const net::IoSize got = co_await transport_->read(buffer.data(), buffer.size(), loop_.now() + kPatience);
    if (got.status != net::Io::ok) {
      if (why_.empty()) why_ = text_of(got.status);
      co_return;
    }
    reader_.feed(std::string_view(buffer.data(), got.size));
    take_replies();
    if (!why_.empty()) co_return;
  }
}

void Connection::take_replies() {
  while (auto reply = reader_.next()) {
    take(*std::move(reply));
    if (!why_.empty()) return;
  }
  if (!reader_.broken().empty()) why_ = reader_.broken();
}

void Connection::take(Reply reply) {
  if (expected_.empty()) {
    if (pushed_) return pushed_(reply);
    why_ = "the server answers what it was not asked";
    return;
  }
  Expected& first = expected_.front();
  first.got.push_back(std::move(reply));
  if (first.got.size() < first.replies) return;
  Expected whole = std::move(first);
  expected_.pop_front();
  if (whole.done) whole.done(&whole.got);
}

void Connection::lose_expected() {
  for (Expected& lost : std::exchange(expected_, {})) {
    if (lost.done) lost.done(nullptr);
  }
}

void Connection::send(std::string_view commands, std::size_t replies, OnReplies done) {
  if (is_over_) {
    if (done) done(nullptr);
    return;
  }
  expected_.push_back({replies, std::move(done), {}});
  send(commands);
}

void Connection::send(std::string_view commands) {
  outbox_.append(commands);
  if (is_open_) loop_.schedule(flush_);
}

void Connection::begin_writing() {
  if (!is_writing_ && is_open_) write_all();
}

Detached Connection::write_all() {
  is_writing_ = true;
  while (!outbox_.empty() && is_open_) {
    leaving_.clear();
    leaving_.swap(outbox_);
    const net::Io written = co_await transport_->write(leaving_, kPatience);
    if (written == net::Io::ok) continue;
    abort(text_of(written));
    break;
  }
  is_writing_ = false;
  if (written_ != nullptr) written_->set();
}

void Connection::start_pings() { loop_.arm(ping_, loop_.now() + kPingEvery); }

void Connection::ping() {
  static const std::string kPing = command({"PING"});
  if (pushed_) {
    send(kPing);  // The pong of a subscription is pushed like its messages.
  } else {
    send(kPing, 1, nullptr);
  }
  start_pings();
}

void Connection::abort(std::string why) {
  if (why_.empty()) why_ = std::move(why);
  if (transport_) transport_->abort();
}

}  // namespace sandgate::proxy::registry::redis

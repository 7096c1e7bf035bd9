#include <proxy/base/unique_fd.hpp>
#include <proxy/commands/admin_client.hpp>
#include <proxy/http/h1_body.hpp>
#include <proxy/http/h1_head.hpp>
#include <proxy/http/h1_write.hpp>
#include <proxy/net/socket_address.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sandgate::proxy::commands {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTimeout{10'000};
constexpr http::HeadLimits kHeadLimits{64 * 1024, 128, 0};

[[noreturn]] void fail(int error) { throw std::system_error(error, std::generic_category()); }

/// A connected socket whose every step ends by one deadline. Throws std::system_error.
class Connection {
 public:
  explicit Connection(const config::Endpoint& endpoint) {
    const net::SocketAddress address = net::SocketAddress::from(endpoint);
    fd_ = UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) fail(errno);
    if (::connect(fd_.number(), address.data(), address.size()) == 0) return;
    if (errno != EINPROGRESS) fail(errno);
    wait(POLLOUT);
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_.number(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) fail(errno);
    if (error != 0) fail(error);
  }

  /// Stops early when the edge closed its side: the answer it sent before says why.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      wait(POLLOUT);
      const ssize_t size = ::send(fd_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
      if (size < 0 && errno != EAGAIN) fail(errno);
      bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    }
  }

  /// Appends what has come; false at the end.
  bool receive(std::string& bytes) {
    std::array<char, 64 * 1024> part;
    for (;;) {
      wait(POLLIN);
      const ssize_t size = ::recv(fd_.number(), part.data(), part.size(), 0);
      if (size < 0 && errno == EAGAIN) continue;
      if (size < 0) fail(errno);
      bytes.append(part.data(), static_cast<std::size_t>(size));
      return size > 0;
    }
  }

 private:
  void wait(short events) {
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(deadline_ - steady_clock::now());
      if (left <= milliseconds::zero()) fail(ETIMEDOUT);
      pollfd wanted{fd_.number(), events, 0};
      const int ready = ::poll(&wanted, 1, static_cast<int>(left.count()));
      if (ready > 0) return;
      if (ready < 0 && errno != EINTR) fail(errno);
    }
  }

  steady_clock::time_point deadline_ = steady_clock::now() + kTimeout;
  UniqueFd fd_;
};

std::string request_text(const AdminAddress& address, const AdminCallText& call) {
  std::string text;
  http::write_request_line(text, call.method, call.target);
  // Without a token the edge answers only to an IP address or localhost.
  http::write_field(text, "Host", address.endpoint.is_unix() ? "localhost" : address.endpoint.to_string());
  if (!address.token.empty()) http::write_field(text, "Authorization", "Bearer " + address.token);
  if (!call.body.empty()) http::write_field(text, "Content-Type", "application/json");
  if (!call.body.empty()) http::write_framing(text, {http::BodyLength::Kind::length, call.body.size()});
  http::write_field(text, "Connection", "close");
  return text.append("\r\n").append(call.body);
}

/// Takes the head of the final answer off the front of `bytes`.
http::BodyLength read_head(Connection& connection, std::string& bytes, AdminAnswer& answer) {
  for (;;) {
    const http::HeadEnd end = http::find_head_end(bytes, 0);
    if (end.state == http::HeadEnd::State::incomplete) {
      if (!connection.receive(bytes)) fail(ECONNRESET);
      continue;
    }
    http::ResponseHead head;
    const std::string block = bytes.substr(0, end.size);
    const bool is_complete = end.state == http::HeadEnd::State::complete;
    if (!is_complete || http::parse_response(block, kHeadLimits, {}, head).has_error()) fail(EBADMSG);
    bytes.erase(0, end.size);
    if (head.is_interim()) continue;
    answer.status = head.status;
    return head.body;
  }
}

AdminAnswer read_answer(Connection& connection) {
  AdminAnswer answer;
  std::string bytes;
  http::BodyDecoder decoder(read_head(connection, bytes, answer));
  while (!decoder.is_finished()) {
    const http::Decoded step = decoder.decode(bytes);
    if (step.state == http::Decoded::State::malformed) fail(EBADMSG);
    answer.body.append(step.content);
    const bool needs_more = step.used == 0 && step.content.empty() && step.state == http::Decoded::State::more;
    bytes.erase(0, step.used);
    if (!needs_more || connection.receive(bytes)) continue;
    if (!decoder.finish_at_end()) fail(ECONNRESET);
    break;
  }
  return answer;
}

}  // namespace

AdminAnswer call_admin(const AdminAddress& address, const AdminCallText& call) {
  try {
    Connection connection(address.endpoint);
    connection.send(request_text(address, call));
    return read_answer(connection);
  } catch (const std::system_error& error) {
    throw AdminUnreachable("cannot talk to the admin API at " + address.endpoint.to_string() + ": " +
                           error.code().message() + "; is the edge running, and is --admin its admin.address?");
  }
}

}  // namespace sandgate::proxy::commands

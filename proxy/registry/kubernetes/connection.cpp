#include <proxy/http/h1_head.hpp>
#include <proxy/net/socket_address.hpp>
#include <proxy/registry/kubernetes/connection.hpp>

#include <array>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

constexpr http::HeadLimits kHeadLimits{std::size_t{64} * 1024, 200, 0};
constexpr std::chrono::milliseconds kWriteStall{10'000};
constexpr std::size_t kMostInterim = 16;

std::string text_of(int error) { return std::generic_category().message(error); }

std::string text_of(net::Io outcome) {
  return outcome == net::Io::timed_out ? "it does not answer" : "the connection broke";
}

/// A peer that vanished is noticed after 10 s of silence and three probes, 5 s apart.
void keep_alive(int socket) {
  const std::array<std::pair<int, int>, 4> options{
      {{TCP_NODELAY, 1}, {TCP_KEEPIDLE, 10}, {TCP_KEEPINTVL, 5}, {TCP_KEEPCNT, 3}}};
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  for (const auto& [option, value] : options) setsockopt(socket, IPPROTO_TCP, option, &value, sizeof value);
}

/// Only the form in seconds: a date would need a clock both agree on.
std::chrono::seconds retry_after(const http::Fields& fields) {
  const std::string_view text = fields.value("retry-after");
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  return std::chrono::seconds(is_number ? seconds : 0);
}

Connection::Head no_head(std::string problem) {
  Connection::Head head;
  head.problem = std::move(problem);
  return head;
}

/// Of the server, for Host: an IPv6 address in brackets.
std::string authority(const Server& server) {
  const bool is_v6 = server.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
}

}  // namespace

Task<std::string> Connection::open(Server server, std::vector<config::IpAddress> addresses) {
  server_ = std::move(server);
  if (server_.is_tls) {
    auto made = net::TlsClient::make(server_.tls);
    if (auto* problem = std::get_if<std::string>(&made)) co_return std::move(*problem);
    tls_ = std::get<std::shared_ptr<const net::TlsClient>>(made);
  }
  std::string why = "there is no such host";
  for (const config::IpAddress& address : addresses) {
    why = co_await open_one(address);
    if (why.empty()) break;
  }
  is_open_ = why.empty();
  co_return why;
}

Task<std::string> Connection::open_one(config::IpAddress address) {
  const TimePoint deadline = loop_.now() + kOpenPatience;
  const net::SocketAddress to = net::SocketAddress::from(config::Endpoint{address, server_.port, {}});
  UniqueFd socket(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) co_return text_of(errno);
  keep_alive(socket.number());
  const int result = ::connect(socket.number(), to.data(), to.size());
  if (result < 0 && errno != EINPROGRESS) co_return text_of(errno);
  reader_.reset();
  transport_ = std::make_unique<net::Transport>(loop_, buffers_, std::move(socket));
  if (result < 0) {
    const net::Io connected = co_await transport_->connected(deadline);
    if (connected == net::Io::broken) co_return text_of(transport_->connect_error());
    if (connected != net::Io::ok) co_return text_of(connected);
  }
  if (tls_) {
    const net::Io shaken = co_await transport_->handshake(tls_->make_session(server_.verified_name), deadline);
    if (shaken == net::Io::broken) co_return net::handshake_error(transport_->ssl());
    if (shaken != net::Io::ok) co_return text_of(shaken);
  }
  reader_ = std::make_unique<h1::MessageReader>(*transport_, buffers_);
  co_return std::string();
}

Task<Connection::Head> Connection::get(std::string target, std::string token, TimePoint deadline) {
  is_idle_ = false;
  std::string request = "GET " + target + " HTTP/1.1\r\nHost: " + authority(server_) +
                        "\r\nUser-Agent: sandgate\r\nAccept: application/json\r\n";
  if (!token.empty()) request += "Authorization: Bearer " + token + "\r\n";
  request += "\r\n";
  const net::Io written = co_await transport_->write(request, kWriteStall);
  if (written != net::Io::ok) co_return no_head(text_of(written));
  for (std::size_t interim = 0; interim < kMostInterim; ++interim) {
    const h1::HeadBlock block = co_await reader_->read_head(kHeadLimits.head_bytes, deadline, "HTTP/1.");
    if (block.status == h1::HeadStatus::timed_out) co_return no_head("it does not answer");
    if (block.status == h1::HeadStatus::malformed) co_return no_head("it answers what is not HTTP");
    if (block.status != h1::HeadStatus::complete) co_return no_head("it closed the connection");
    http::ResponseHead head;
    if (http::parse_response(block.bytes, kHeadLimits, {}, head).has_error()) {
      co_return no_head("its answer is not valid HTTP");
    }
    if (head.is_interim()) continue;
    reader_->begin_body(head.body);
    keeps_alive_ = head.keep_alive;
    is_idle_ = reader_->is_body_finished();
    Head answer;
    answer.status = head.status;
    answer.retry_after = retry_after(head.fields);
    co_return answer;
  }
  co_return no_head("its answer does not begin");
}

Task<Connection::Part> Connection::read(TimePoint deadline) {
  if (reader_->is_body_finished()) co_return Part{{}, true, false};
  const h1::BodyRead read = co_await reader_->read_body(deadline);
  if (read.status != h1::BodyStatus::part) co_return Part{{}, true, true};
  is_idle_ = read.part.is_last;
  co_return Part{read.part.bytes, read.part.is_last, false};
}

void Connection::abort() {
  is_open_ = false;
  if (transport_) transport_->abort();
}

}  // namespace sandgate::proxy::registry::kubernetes

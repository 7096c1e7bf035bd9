#include <proxy/net/listener.hpp>
#include <proxy/net/socket_address.hpp>
#include <tests/faults/peers.hpp>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <sys/socket.h>
#include <system_error>

namespace sandgate::tests {

using namespace sandgate::proxy;
using proxy::tests::H2Peer;

namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr std::size_t kBulk = 300'000;

UniqueFd connect_to(std::uint16_t port) {
  const auto address = net::SocketAddress::from(*config::IpAddress::parse("127.0.0.1"), port);
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(socket.number(), address.data(), address.size()) < 0 && errno != EINPROGRESS) {
    throw std::system_error(errno, std::generic_category(), "connect");
  }
  return socket;
}

std::string value_of(std::string_view head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string_view::npos) return {};
  const std::size_t end = head.find("\r\n", at);
  return std::string(head.substr(at + name.size(), end - at - name.size()));
}

/// The content of a message in chunks, once it is whole.
std::optional<std::string> read_chunks(std::string_view text) {
  std::string content;
  for (;;) {
    const std::size_t line = text.find("\r\n");
    if (line == std::string_view::npos) return std::nullopt;
    std::size_t size = 0;
    if (std::from_chars(text.data(), text.data() + line, size, 16).ec != std::errc{}) return std::nullopt;
    text.remove_prefix(line + 2);
    if (size == 0) break;
    if (text.size() < size + 2) return std::nullopt;
    content += text.substr(0, size);
    text.remove_prefix(size + 2);
  }
  const bool is_whole = text.starts_with("\r\n") || text.find(kEndOfHead) != std::string_view::npos;
  return is_whole ? std::optional(content) : std::nullopt;
}

/// Sec-WebSocket-Accept for a key (RFC 6455 1.3).
std::string accept_for(const std::string& key) {
  const std::string salted = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(salted.data()), salted.size(), digest.data());
  std::array<unsigned char, 29> text;
  const int size = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
  return std::string(text.begin(), text.begin() + size);
}

}  // namespace

// --- Channel --------------------------------------------------------------------------------------------------------

void Channel::become_tls_client(SSL_CTX* context, bool speaks_http_2) {
  ssl_.reset(SSL_new(context));
  SSL_set_fd(ssl_.get(), socket_.number());
  SSL_set_connect_state(ssl_.get());
  const std::string_view protocols = speaks_http_2 ? std::string_view("\2h2") : std::string_view("\10http/1.1");
  SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                      static_cast<unsigned>(protocols.size()));
}

bool Channel::move() {
  if (!socket_) return false;
  return ssl_ ? move_tls() : move_plain();
}

bool Channel::move_plain() {
  bool has_moved = false;
  if (!unsent.empty()) {
    const ssize_t sent = ::send(socket_.number(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    has_moved = sent > 0;
    if (sent > 0) unsent.erase(0, static_cast<std::size_t>(sent));
  }
  std::array<char, 16 * 1024> bytes;
  while (!has_ended) {
    const ssize_t got = ::recv(socket_.number(), bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == ENOTCONN)) break;
    has_moved = true;
    has_ended = got <= 0;
    if (got > 0) received.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return has_moved;
}

bool Channel::move_tls() {
  bool has_moved = false;
  std::size_t done = 0;
  if (SSL_write_ex(ssl_.get(), unsent.data(), unsent.size(), &done) == 1 && done > 0) {
    unsent.erase(0, done);
    has_moved = true;
  }
  std::array<char, 16 * 1024> bytes;
  while (!has_ended) {
    const int result = SSL_read_ex(ssl_.get(), bytes.data(), bytes.size(), &done);
    if (result == 1) {
      received.append(bytes.data(), done);
      has_moved = true;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) break;
    has_ended = has_moved = true;
  }
  return has_moved;
}

void Channel::finish_writing() {
  if (ssl_) SSL_shutdown(ssl_.get());
  if (socket_) ::shutdown(socket_.number(), SHUT_WR);
}

void Channel::close() {
  ssl_.reset();
  socket_.reset();
}

// --- Client ---------------------------------------------------------------------------------------------------------

Client::Client(std::uint16_t port, SSL_CTX* tls, const Script& script) : script_(script), channel_(connect_to(port)) {
  if (tls != nullptr) channel_.become_tls_client(tls, script.h2.has_value());
  channel_.unsent = script.request;
  if (script.h2) h2_ = std::make_unique<H2Peer>(h2::Codec::Role::client);
}

bool Client::move() {
  const bool has_moved = channel_.move();
  if (script_.h2) return move_h2() || has_moved;
  read_h1();
  return has_moved;
}

void Client::read_h1() {
  const std::size_t end = channel_.received.find(kEndOfHead);
  if (end == std::string::npos) return;
  const std::string_view head = std::string_view(channel_.received).substr(0, end + 2);
  const std::string_view rest = std::string_view(channel_.received).substr(end + kEndOfHead.size());
  std::from_chars(head.data() + 9, head.data() + 12, answer_.status);
  if (answer_.status == 101) return move_tunnel(rest);
  if (const std::string size = value_of(head, "Content-Length: "); !size.empty()) {
    answer_.is_whole = rest.size() == std::stoul(size);
    answer_.body = rest;
  } else if (const auto content = read_chunks(rest)) {
    answer_.is_whole = true;
    answer_.body = *content;
  }
}

/// Says something once the tunnel is open, hears it again, and ends.
void Client::move_tunnel(std::string_view after_head) {
  if (!has_said_more_) channel_.unsent += "echo";
  has_said_more_ = true;
  answer_.is_whole = after_head == "echo";
  answer_.body = after_head;
}

bool Client::move_h2() {
  if (!has_asked_) {
    has_asked_ = true;
    stream_ = h2_->request(*script_.h2);
    if (!script_.body.empty()) {
      h2_->stream(*stream_).say(script_.body, true, script_.trailers);
      h2_->codec.resume(*stream_);
    }
  }
  h2_->receive(std::exchange(channel_.received, {}));
  const std::string frames = h2_->produce();
  channel_.unsent += frames;
  const auto& stream = h2_->stream(*stream_);
  for (const proxy::tests::FieldList& head : stream.heads) {
    if (!head.empty() && head.front().first == ":status") answer_.status = std::stoi(head.front().second);
  }
  answer_.body = stream.received;
  answer_.is_whole = stream.has_ended;
  is_reset_ = stream.over && !stream.has_ended;
  return !frames.empty();
}

// --- Sandbox --------------------------------------------------------------------------------------------------------

Sandbox::Sandbox()
    : listener_(net::open_listening_socket(*config::Endpoint::parse("127.0.0.1:0"), false)),
      port_(net::SocketAddress::of_socket(listener_.number())->port()) {}

bool Sandbox::move() {
  bool has_moved = false;
  for (;;) {
    UniqueFd socket(::accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) break;
    connections_.emplace_back(std::move(socket));
    has_moved = true;
  }
  for (Connection& connection : connections_) {
    has_moved = connection.channel.move() || has_moved;
    has_moved = answer(connection) || has_moved;
    if (connection.channel.has_ended) connection.channel.close();
  }
  return has_moved;
}

bool Sandbox::answer(Connection& connection) {
  const bool is_h2 = connection.h2 || connection.channel.received.starts_with("PRI * HTTP/2.0");
  return is_h2 ? answer_h2(connection) : answer_h1(connection);
}

bool Sandbox::answer_h1(Connection& connection) {
  Channel& channel = connection.channel;
  if (connection.is_tunnel) {
    if (channel.has_ended || channel.received.empty()) return false;
    channel.unsent += std::exchange(channel.received, {});
    return true;
  }
  const std::size_t end = channel.received.find(kEndOfHead);
  if (end == std::string::npos) return false;
  const std::string head = channel.received.substr(0, end + 2);
  const std::string_view rest = std::string_view(channel.received).substr(end + kEndOfHead.size());
  if (head.find("\r\nUpgrade: ") != std::string::npos) {
    const std::string accept = accept_for(value_of(head, "Sec-WebSocket-Key: "));
    connection.is_tunnel = true;
    channel.unsent +=
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: " +
        accept + "\r\n\r\n";
  } else if (head.find("Transfer-Encoding: chunked") != std::string::npos) {
    const auto content = read_chunks(rest);
    if (!content) return false;
    channel.unsent +=
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n5\r\nhello\r\n"
        "0\r\nx-sum: 1\r\n\r\n";
  } else {
    const std::string body = head.starts_with("GET /bulk ") ? std::string(kBulk, 'b') : "hello";
    channel.unsent += "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  channel.received.clear();
  return true;
}

bool Sandbox::answer_h2(Connection& connection) {
  static const http::Fields trailers = [] {
    http::Fields fields;
    fields.add("grpc-status", "0");
    return fields;
  }();
  if (!connection.h2) connection.h2 = std::make_unique<H2Peer>(h2::Codec::Role::server);
  H2Peer& peer = *connection.h2;
  peer.receive(std::exchange(connection.channel.received, {}));
  const auto ids = peer.ids();
  for (std::size_t i = connection.answered; i < ids.size(); ++i) {
    auto& stream = peer.stream(ids[i]);
    if (!stream.has_ended && !stream.over) break;
    ++connection.answered;
    if (stream.over) continue;
    http::ResponseHead head;
    head.status = 200;
    head.fields.add("content-type", "application/grpc");
    head.body.kind = http::BodyLength::Kind::until_end;
    stream.say("hello", true, &trailers);
    peer.codec.respond(ids[i], head, false);
  }
  const std::string frames = peer.produce();
  connection.channel.unsent += frames;
  return !frames.empty();
}

}  // namespace sandgate::tests

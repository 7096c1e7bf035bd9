#include <tests/bench/load/tls_client.hpp>

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>

namespace sandgate::bench {
namespace {

proxy::UniqueFd connect_to(const Target& target) {
  proxy::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  ::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (target.receive_buffer > 0)
    ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVBUF, &target.receive_buffer, sizeof target.receive_buffer);
  const timeval patience{kPatience.count(), 0};
  ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.number(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(target.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
  return socket;
}

}  // namespace

ContextPtr make_context() {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set1_groups_list(context.get(), "X25519");
  SSL_CTX_set_mode(context.get(), SSL_MODE_AUTO_RETRY);
  return context;
}

TlsClient::TlsClient(const Target& target, SSL_SESSION* session)
    : host_(target.host), socket_(connect_to(target)), ssl_(SSL_new(target.context)) {
  SSL_set_fd(ssl_.get(), socket_.number());
  SSL_set_tlsext_host_name(ssl_.get(), target.host.c_str());
  if (session != nullptr) SSL_set_session(ssl_.get(), session);
  if (SSL_connect(ssl_.get()) != 1) throw std::runtime_error("the handshake failed");
}

void TlsClient::write(std::string_view bytes) {
  std::size_t written = 0;
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) != 1) throw std::runtime_error("cannot write");
}

std::size_t TlsClient::read(char* into, std::size_t size) {
  if (!leftover_.empty()) {
    const std::size_t taken = leftover_.copy(into, size);
    leftover_.erase(0, taken);
    return taken;
  }
  std::size_t got = 0;
  if (SSL_read_ex(ssl_.get(), into, size, &got) == 1) return got;
  if (SSL_get_error(ssl_.get(), 0) == SSL_ERROR_ZERO_RETURN) return 0;
  throw std::runtime_error("cannot read");
}

void TlsClient::read_waiting(std::string& into) {
  std::array<char, 4096> block;
  std::size_t got = 0;
  int result = 0;
  while ((result = SSL_read_ex(ssl_.get(), block.data(), block.size(), &got)) == 1) into.append(block.data(), got);
  if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) throw std::runtime_error("cannot read");
}

std::string TlsClient::read_head() {
  std::string head;
  std::array<char, 4096> block;
  for (;;) {
    const std::size_t got = read(block.data(), block.size());
    if (got == 0) throw std::runtime_error("ended within a head");
    head.append(block.data(), got);
    const std::size_t end = head.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    leftover_ = head.substr(end + 4);
    head.resize(end + 2);
    return head;
  }
}

void TlsClient::ask(std::string_view path) {
  write("GET " + std::string(path) + " HTTP/1.1\r\nHost: " + host_ +
        "\r\nUser-Agent: bench\r\nAccept: */*\r\ne2b-traffic-access-token: secret\r\n\r\n");
}

void TlsClient::get(std::string_view path) {
  ask(path);
  std::string head = read_head();
  if (!head.starts_with("HTTP/1.1 200")) throw std::runtime_error("answered " + head.substr(0, head.find('\r')));
  std::transform(head.begin(), head.end(), head.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  constexpr std::string_view kName = "content-length: ";
  const std::size_t at = head.find(kName);
  if (at == std::string::npos) throw std::runtime_error("a response without length");
  std::size_t left = 0;
  std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), left);
  std::array<char, 16 * 1024> sink;
  while (left > 0) {
    const std::size_t got = read(sink.data(), std::min(left, sink.size()));
    if (got == 0) throw std::runtime_error("ended within a body");
    left -= got;
  }
}

void TlsClient::upgrade() {
  write("GET /echo HTTP/1.1\r\nHost: " + host_ +
        "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\ne2b-traffic-access-token: secret\r\n\r\n");
  const std::string head = read_head();
  if (!head.starts_with("HTTP/1.1 101")) throw std::runtime_error("answered " + head.substr(0, head.find('\r')));
}

void TlsClient::close() {
  SSL_shutdown(ssl_.get());
  ::shutdown(socket_.number(), SHUT_WR);
  std::array<char, 4096> sink;
  while (::recv(socket_.number(), sink.data(), sink.size(), 0) > 0) continue;
}

}  // namespace sandgate::bench

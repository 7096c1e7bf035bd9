#include <proxy/net/tls_bio.hpp>
#include <proxy/net/transport.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <climits>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>

namespace sandgate::proxy::net {
namespace {

// More than a block and its framing is bulk: others get their turn between any two parts (hardening O-FAIR).
constexpr std::size_t kTurn = BufferPool::kBlockBytes + 1024;

/// Drops `size` bytes from the front; gives the pieces that are left.
std::span<std::string_view> drop_front(std::span<std::string_view> pieces, std::size_t size) {
  while (!pieces.empty() && size >= pieces.front().size()) {
    size -= pieces.front().size();
    pieces = pieces.subspan(1);
  }
  if (!pieces.empty()) pieces.front().remove_prefix(size);
  return pieces;
}

/// What OpenSSL asks for before each call; there hardly ever are any.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

std::size_t total_size(std::span<const std::string_view> pieces) {
  std::size_t total = 0;
  for (const std::string_view piece : pieces) total += piece.size();
  return total;
}

}  // namespace

void SslDeleter::operator()(SSL* ssl) const { SSL_free(ssl); }

// --- Direction ------------------------------------------------------------------------------------------------------

void Transport::Direction::wake(Io why) {
  if (!waiter_.handle) return;
  why_ = why;
  disarm();
  loop_.schedule(waiter_);
}

void Transport::Direction::Awaiter::await_suspend(std::coroutine_handle<> handle) {
  direction.why_ = Io::ok;
  direction.waiter_.handle = handle;
  direction.loop_.arm(direction, deadline);
}

Io Transport::Direction::Awaiter::await_resume() {
  return is_taken ? Io::broken : std::exchange(direction.why_, Io::ok);
}

// --- Transport ------------------------------------------------------------------------------------------------------

Transport::Transport(Loop& loop, BufferPool& buffers, UniqueFd socket)
    : loop_(loop), buffers_(buffers), socket_(std::move(socket)), reading_(loop), writing_(loop) {
  loop_.watch(socket_.number(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
  writing_.is_ready = true;
}

Transport::~Transport() = default;

void Transport::note(std::uint32_t epoll_events) {
  const bool broke = (epoll_events & (EPOLLERR | EPOLLHUP)) != 0;
  const bool finished = (epoll_events & EPOLLRDHUP) != 0;
  is_broken_ = is_broken_ || (broke && is_established_);
  peer_finished_ = peer_finished_ || finished;
  if (broke || finished || (epoll_events & EPOLLIN) != 0) {
    reading_.is_ready = true;
    reading_.wake(Io::ok);
    if (on_readable_ != nullptr) loop_.schedule(*std::exchange(on_readable_, nullptr));
  }
  if (broke || (epoll_events & EPOLLOUT) != 0) {
    writing_.is_ready = true;
    writing_.wake(Io::ok);
  }
  if (on_gone_ != nullptr && is_gone()) loop_.schedule(*std::exchange(on_gone_, nullptr));
}

Task<Io> Transport::connected(TimePoint deadline) {
  is_established_ = false;
  toward_ = Toward::service;
  writing_.is_ready = false;
  const Io waited = co_await writing_.wait(deadline);
  if (waited != Io::ok) co_return waited;
  socklen_t size = sizeof connect_error_;
  if (getsockopt(socket_.number(), SOL_SOCKET, SO_ERROR, &connect_error_, &size) < 0) connect_error_ = errno;
  if (connect_error_ != 0) co_return Io::broken;
  is_established_ = true;
  co_return Io::ok;
}

Transport::Attempted Transport::receive(char* into, std::size_t size) {
  if (!reading_.is_ready) return {Attempt::would_block, 0};
  if (!socket_) return {Attempt::failed, 0};
  for (;;) {
    const ssize_t got = ::recv(socket_.number(), into, size, 0);
    if (got > 0) {
      const auto count = static_cast<std::size_t>(got);
      // Less than was asked for: the socket is empty, and the next byte makes an event. A FIN made its event already.
      reading_.is_ready = count == size || peer_finished_ || is_broken_;
      return {Attempt::done, count};
    }
    if (got == 0) return {Attempt::end, 0};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return {Attempt::failed, 0};
    reading_.is_ready = false;
    return {Attempt::would_block, 0};
  }
}

Transport::Attempted Transport::send(std::span<const std::string_view> pieces) {
  if (!writing_.is_ready) return {Attempt::would_block, 0};
  if (!socket_) return {Attempt::failed, 0};
  std::array<iovec, kMaxPieces> vectors;
  msghdr message{};
  message.msg_iov = vectors.data();
  for (const std::string_view piece : pieces.first(std::min(pieces.size(), kMaxPieces))) {
    if (!piece.empty()) vectors[message.msg_iovlen++] = {const_cast<char*>(piece.data()), piece.size()};
  }
  for (;;) {
    const ssize_t sent = ::sendmsg(socket_.number(), &message, MSG_NOSIGNAL);
    if (sent >= 0) return {Attempt::done, static_cast<std::size_t>(sent)};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return {Attempt::failed, 0};
    writing_.is_ready = false;
    return {Attempt::would_block, 0};
  }
}

Transport::Attempted Transport::send_sealed(std::string_view bytes) {
  if (sealed_ == nullptr) return send({&bytes, 1});
  if (sealed_->room_size() < bytes.size()) return {Attempt::would_block, 0};
  sealed_->append(bytes);
  return {Attempt::done, bytes.size()};
}

Transport::Attempted Transport::try_read(char* into, std::size_t size, Direction*& blocked_on) {
  if (!ssl_) {
    blocked_on = &reading_;
    return receive(into, size);
  }
  Attempted first = try_read_record(into, size, blocked_on);
  if (first.outcome != Attempt::done) return first;
  // Whole records, as long as there is room for one and something to make it of; small ones are not worth it for long.
  for (int more = 0; more < 8 && size - first.size >= BufferPool::kBlockBytes && is_readable(); ++more) {
    const Attempted next = try_read_record(into + first.size, size - first.size, blocked_on);
    if (next.outcome != Attempt::done) break;  // Comes again with the next read, if it is more than "not yet".
    first.size += next.size;
  }
  return first;
}

Transport::Attempted Transport::try_read_record(char* into, std::size_t size, Direction*& blocked_on) {
  blocked_on = &reading_;
  forget_errors();
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl_.get(), into, size, &got);
  if (result == 1) control_messages_ = 0;
  if (result == 1) return {Attempt::done, got};
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Attempt::would_block, 0};
    case SSL_ERROR_WANT_WRITE:
      blocked_on = &writing_;
      return {Attempt::would_block, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Attempt::end, 0};
    default:
      return {Attempt::failed, 0};
  }
}

Task<IoSize> Transport::read(char* into, std::size_t size, TimePoint deadline) {
  for (;;) {
    if (!socket_) co_return IoSize{Io::cancelled, 0};
    Direction* blocked_on = nullptr;
    const Attempted attempted = try_read(into, size, blocked_on);
    switch (attempted.outcome) {
      case Attempt::done:
        co_return IoSize{Io::ok, attempted.size};
      case Attempt::end:
        co_return IoSize{Io::end, 0};
      case Attempt::failed:
        co_return IoSize{Io::broken, 0};
      case Attempt::would_block:
        break;
    }
    const Io waited = co_await blocked_on->wait(deadline);
    if (waited != Io::ok) co_return IoSize{waited, 0};
  }
}

Task<IoSize> Transport::peek(char* into, std::size_t size, std::size_t known, TimePoint deadline) {
  for (;;) {
    if (!socket_) co_return IoSize{Io::cancelled, 0};
    const ssize_t got = ::recv(socket_.number(), into, size, MSG_PEEK);
    if (got > static_cast<ssize_t>(known)) co_return IoSize{Io::ok, static_cast<std::size_t>(got)};
    if (got == 0 || peer_finished_) co_return IoSize{Io::end, 0};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != EAGAIN) co_return IoSize{Io::broken, 0};
    reading_.is_ready = false;  // New bytes make a new event.
    const Io waited = co_await reading_.wait(deadline);
    reading_.is_ready = true;  // What was seen is still to be read.
    if (waited != Io::ok) co_return IoSize{waited, 0};
  }
}

void Transport::skip(std::size_t size) {
  std::array<char, 4096> scratch;
  if (socket_) static_cast<void>(::recv(socket_.number(), scratch.data(), std::min(size, scratch.size()), 0));
  reading_.is_ready = true;
}

bool Transport::is_readable() const { return reading_.is_ready || (ssl_ && SSL_has_pending(ssl_.get()) == 1); }

Task<Io> Transport::write(std::span<const std::string_view> pieces, std::chrono::milliseconds stall) {
  assert(pieces.size() <= kMaxPieces);
  if (!ssl_) return write_plain(pieces, stall);
  return total_size(pieces) <= BufferPool::kBlockBytes ? write_record(pieces, stall) : write_records(pieces, stall);
}

Task<Io> Transport::write(std::string_view bytes, std::chrono::milliseconds stall) {
  co_return co_await write({&bytes, 1}, stall);
}

Task<Io> Transport::write_plain(std::span<const std::string_view> pieces, std::chrono::milliseconds stall) {
  std::array<std::string_view, kMaxPieces> storage;
  std::span<std::string_view> left(storage.data(), std::min(pieces.size(), kMaxPieces));
  std::copy_n(pieces.begin(), left.size(), left.begin());
  left = drop_front(left, 0);
  if (total_size(pieces) > kTurn) {
    co_await Yield(loop_);
  } else {
    co_await loop_.after_others(toward_);
  }
  while (!left.empty()) {
    if (!socket_) co_return Io::cancelled;
    const Attempted sent = send(left);
    if (sent.outcome == Attempt::failed) co_return Io::broken;
    left = drop_front(left, sent.size);
    if (sent.outcome != Attempt::would_block) continue;
    const Io waited = co_await writing_.wait(after(loop_.now(), stall));
    if (waited != Io::ok) co_return waited;
  }
  co_return Io::ok;
}

/// OpenSSL wants to read first after a part of a handshake message, which is of no use to an honest peer: that fails.
Transport::Attempted Transport::try_write_tls(std::string_view bytes) {
  forget_errors();
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  if (result == 1) return {Attempt::done, written};
  const bool is_full = SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_WRITE;
  return {is_full ? Attempt::would_block : Attempt::failed, 0};
}

/// A head and its first chunk, or a chunk and its framing, go into one record.
Task<Io> Transport::write_record(std::span<const std::string_view> pieces, std::chrono::milliseconds stall) {
  const auto is_full = [](std::string_view piece) { return !piece.empty(); };
  const auto first = std::find_if(pieces.begin(), pieces.end(), is_full);
  if (first == pieces.end()) co_return Io::ok;
  std::string_view bytes = *first;
  Buffer record;
  if (std::any_of(first + 1, pieces.end(), is_full)) {  // A single piece is encrypted from where it lies.
    record = buffers_.lease();
    for (const std::string_view piece : pieces) record.append(piece);
    bytes = record.data();
  }
  co_await loop_.after_others(toward_);
  while (!bytes.empty()) {
    if (!socket_) co_return Io::cancelled;
    const Attempted sent = try_write_tls(bytes);
    if (sent.outcome == Attempt::failed) co_return Io::broken;
    bytes.remove_prefix(sent.size);
    if (sent.outcome != Attempt::would_block) continue;
    const Io waited = co_await writing_.wait(after(loop_.now(), stall));
    if (waited != Io::ok) co_return waited;
  }
  co_return Io::ok;
}

/// A block of records: as long as it lives, what OpenSSL writes goes there.
class Transport::Sealing {
 public:
  Sealing(Transport& transport, std::span<const std::string_view> pieces)
      : transport_(transport), block_(transport.buffers_.lease(sealed_size(pieces))) {
    transport_.sealed_ = &block_;
  }
  ~Sealing() { transport_.sealed_ = nullptr; }
  Sealing(const Sealing&) = delete;
  Sealing& operator=(const Sealing&) = delete;
  Buffer& block() { return block_; }

 private:
  /// With room for a record more than there are: the answer to a KeyUpdate, or an alert.
  static std::size_t sealed_size(std::span<const std::string_view> pieces) {
    std::size_t records = 1;
    for (const std::string_view piece : pieces) records += piece.size() / SSL3_RT_MAX_PLAIN_LENGTH + 1;
    return total_size(pieces) + records * SSL3_RT_MAX_ENCRYPTED_OVERHEAD;
  }

  Transport& transport_;
  Buffer block_;
};

/// More than one record: all are made first and leave together.
Task<Io> Transport::write_records(std::span<const std::string_view> pieces, std::chrono::milliseconds stall) {
  if (!socket_) co_return Io::cancelled;
  Sealing sealing(*this, pieces);
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      const Attempted sealed = try_write_tls(piece);
      if (sealed.outcome != Attempt::done) co_return Io::broken;
      piece.remove_prefix(sealed.size);
    }
  }
  Buffer& block = sealing.block();
  if (block.data().size() > kTurn) {
    co_await Yield(loop_);
  } else {
    co_await loop_.after_others(toward_);
  }
  while (!block.empty()) {
    if (!socket_) co_return Io::cancelled;
    const std::string_view bytes = block.data();
    const Attempted sent = send({&bytes, 1});
    if (sent.outcome == Attempt::failed) co_return Io::broken;
    block.consume(sent.size);
    if (sent.outcome != Attempt::would_block) continue;
    const Io waited = co_await writing_.wait(after(loop_.now(), stall));
    if (waited != Io::ok) co_return waited;
  }
  co_return Io::ok;
}

Task<Io> Transport::handshake(SslPtr ssl, TimePoint deadline) {
  ssl_ = std::move(ssl);
  SocketBio::attach(ssl_.get(), *this);
  for (;;) {
    if (!socket_) co_return Io::cancelled;
    forget_errors();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) co_return Io::ok;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) co_return Io::broken;
    const Io waited = co_await (error == SSL_ERROR_WANT_READ ? reading_ : writing_).wait(deadline);
    if (waited != Io::ok) co_return waited;
  }
}

void Transport::finish_writing() {
  if (!socket_) return;
  if (ssl_ && SSL_is_init_finished(ssl_.get()) == 1) {
    forget_errors();
    SSL_shutdown(ssl_.get());  // Sends close_notify, if the socket takes it; nobody waits for the answer.
  }
  ::shutdown(socket_.number(), SHUT_WR);
}

void Transport::cancel_read() { reading_.wake(Io::cancelled); }

void Transport::abort() {
  if (!socket_) return;
  const linger reset{1, 0};
  setsockopt(socket_.number(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  socket_.reset();
  reading_.is_ready = writing_.is_ready = true;
  reading_.wake(Io::cancelled);
  writing_.wake(Io::cancelled);
  is_broken_ = true;
  if (on_gone_ != nullptr) loop_.schedule(*std::exchange(on_gone_, nullptr));
}

void Transport::on_gone(Runnable* runnable) {
  on_gone_ = runnable;
  if (on_gone_ != nullptr && is_gone()) loop_.schedule(*std::exchange(on_gone_, nullptr));
}

void Transport::on_readable(Runnable* runnable) {
  on_readable_ = runnable;
  if (on_readable_ != nullptr && is_readable()) loop_.schedule(*std::exchange(on_readable_, nullptr));
}

}  // namespace sandgate::proxy::net

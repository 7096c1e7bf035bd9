#include <proxy/h2/connection.hpp>

#include <new>

namespace sandgate::proxy::h2 {

Connection::Connection(net::Transport& transport, BufferPool& buffers, const Codec::Setting& setting, Owner& owner,
                       std::chrono::milliseconds write_stall)
    : transport_(transport),
      buffers_(buffers),
      owner_(owner),
      write_stall_(write_stall),
      codec_(setting, owner),
      output_(transport.loop()),
      drained_(transport.loop()),
      done_(transport.loop()) {}

Task<void> Connection::run() {
  if (!start()) {
    is_reading_over_ = is_writing_over_ = true;
    transport_.abort();
    owner_.lost(ErrorCode::cancel);
  }
  flush();
  while (!is_reading_over_ || !is_writing_over_) co_await done_.wait();
}

bool Connection::start() {
  try {
    writer_ = write_all();
    reader_ = read_all();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

Companion Connection::read_all() {
  try {
    co_await read_until_over();
  } catch (const std::bad_alloc&) {
    transport_.abort();  // This connection pays, the others go on.
  }
  is_reading_over_ = true;
  const bool is_ours = codec_.wants_input() || codec_.is_broken();
  owner_.lost(is_ours ? ErrorCode::cancel : ErrorCode::protocol_error);
  output_.set();
  done_.set();
}

Companion Connection::write_all() {
  try {
    co_await write_until_over();
  } catch (const std::bad_alloc&) {
    transport_.abort();
  }
  is_writing_over_ = true;
  done_.set();
}

Task<void> Connection::read_until_over() {
  bool goes_on = true;
  while (goes_on && codec_.wants_input()) {
    if (codec_.is_congested()) {
      co_await drained_.wait();
      goes_on = !is_writing_over_;
    } else {
      goes_on = co_await read_once();
    }
    if (share_ >= kFairShare) {
      share_ = 0;
      co_await Yield(loop());
    }
  }
}

/// False when nothing will come any more.
Task<bool> Connection::read_once() {
  const bool has_waited = !transport_.is_readable();
  const net::Io waited = co_await transport_.wait_readable(kNever);  // No block is held while nothing comes.
  if (has_waited) share_ = 0;
  if (waited == net::Io::cancelled && !transport_.is_aborted())
    co_return true;  // To look again whether more is wanted.
  if (waited != net::Io::ok) co_return false;
  Buffer block = buffers_.lease();
  const net::IoSize got = co_await transport_.read(block.room(), block.room_size(), kNever);
  if (got.status != net::Io::ok) co_return got.status == net::Io::cancelled && !transport_.is_aborted();
  share_ += got.size;
  codec_.receive({block.room(), got.size}, loop().now());
  block = Buffer();
  owner_.received();
  flush();
  co_return true;
}

void Connection::fill() {
  if (!codec_.has_output()) return;
  if (!block_) block_ = buffers_.lease();
  codec_.produce(block_, buffers_);
  if (codec_.holds_any() && !patience_.is_armed()) loop().arm(patience_, loop().now() + kCreditPatience);
}

void Connection::lose_patience() {
  try {
    codec_.release_held();
  } catch (const std::bad_alloc&) {
    transport_.abort();
  }
  flush();
}

/// What calls it may be a timer or a destructor, so that nobody is there to catch anything.
void Connection::flush() noexcept {
  if (is_writing_over_) return;
  try {
    fill();
  } catch (const std::bad_alloc&) {
    transport_.abort();
  }
  if (codec_.is_broken()) transport_.abort();
  if (!block_.empty()) output_.set();
  if (!codec_.wants_input()) transport_.cancel_read();
}

Task<void> Connection::write_until_over() {
  for (;;) {
    fill();
    if (!codec_.wants_input()) transport_.cancel_read();
    if (block_.empty()) {
      block_ = Buffer();
      if (is_reading_over_) co_return;
      co_await output_.wait();
      continue;
    }
    const Buffer sending = std::move(block_);
    const net::Io sent = co_await transport_.write(sending.data(), write_stall_);
    if (sent != net::Io::ok) {
      transport_.abort();
      drained_.set();
      co_return;
    }
    drained_.set();
  }
}

}  // namespace sandgate::proxy::h2

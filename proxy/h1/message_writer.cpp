#include <proxy/h1/message_writer.hpp>
#include <proxy/http/h1_write.hpp>

#include <algorithm>
#include <array>

namespace sandgate::proxy::h1 {

using http::BodyLength;

void HeadText::make_room(std::size_t size) {
  Buffer larger = buffers_.lease(std::max(block_.capacity() * 2, block_.data().size() + size));
  larger.append(block_.data());
  block_ = std::move(larger);
}

void MessageWriter::begin_body(BodyLength length) {
  length_ = length;
  written_ = 0;
  is_tunnel_ = false;
  const bool is_empty = length.kind == BodyLength::Kind::length && length.length == 0;
  is_finished_ = length.kind == BodyLength::Kind::none || is_empty;
}

void MessageWriter::begin_tunnel() {
  begin_body({BodyLength::Kind::until_end, 0});
  is_tunnel_ = true;
}

bool MessageWriter::account(const Part& part) {
  written_ += part.bytes.size();
  switch (length_.kind) {
    case BodyLength::Kind::none:
      return part.bytes.empty();
    case BodyLength::Kind::length:
      return part.is_last ? written_ == length_.length : written_ <= length_.length;
    default:
      return true;
  }
}

Task<Result<void>> MessageWriter::write(Part part) {
  if (!account(part)) co_return failures_.closed;
  HeadText tail(buffers_);
  const bool is_chunked = length_.kind == BodyLength::Kind::chunked;
  const bool has_chunk = is_chunked && !part.bytes.empty();
  if (has_chunk) http::write_chunk_head(text_, part.bytes.size());
  if (is_chunked && part.is_last && part.trailers != nullptr) {
    if (has_chunk) tail.append("\r\n");
    http::write_last_chunk(tail, part.trailers);
  }
  std::string_view end = tail.view();
  if (end.empty() && is_chunked)
    end = part.is_last ? (has_chunk ? "\r\n0\r\n\r\n" : "0\r\n\r\n") : (has_chunk ? "\r\n" : "");
  const Result<void> sent = co_await send({text_.view(), part.bytes, end});
  if (sent.has_error()) co_return sent;
  is_finished_ = is_finished_ || part.is_last;
  if (is_tunnel_ && part.is_last) transport_.finish_writing();
  co_return sent;
}

Task<Result<void>> MessageWriter::flush() { return send({text_.view()}); }

Task<Result<void>> MessageWriter::send(Pieces pieces) {
  const net::Io status = co_await transport_.write(pieces, stall_);
  text_.clear();
  if (status == net::Io::ok) co_return Result<void>{};
  co_return status == net::Io::timed_out ? failures_.stalled : failures_.closed;
}

}  // namespace sandgate::proxy::h1

// What the library calls while it receives and produces.
#include <proxy/h2/codec_library.hpp>

#include <algorithm>

namespace sandgate::proxy::h2 {
namespace {

StreamHandler* handler_of(nghttp2_session* session, StreamId id) {
  return static_cast<StreamHandler*>(nghttp2_session_get_stream_user_data(session, id));
}

/// Resets that the edge decides on for reasons of its own or of a sandbox's are not the peer's fault.
bool is_peers_fault(std::uint32_t code) {
  const auto error = static_cast<ErrorCode>(code);
  return error != ErrorCode::no_error && error != ErrorCode::internal_error && error != ErrorCode::cancel;
}

}  // namespace

int Codec::Callbacks::begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  Codec& codec = self(user);
  const StreamId id = frame->hd.stream_id;
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  // One that comes before the GOAWAY that leaves it out has gone out is refused like any after it.
  const bool is_left_out = codec.last_stream_ && id > *codec.last_stream_;
  StreamHandler* const stream = is_left_out ? nullptr : codec.handler_.opened(id);
  if (stream == nullptr) {
    codec.reset(id, ErrorCode::refused_stream);
  } else {
    check(nghttp2_session_set_stream_user_data(session, id, stream));
  }
  return 0;
}

int Codec::Callbacks::header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                             std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                             std::uint8_t /*flags*/, void* user) {
  StreamHandler* const stream = handler_of(session, frame->hd.stream_id);
  if (stream != nullptr) stream->field(view(name, name_size), view(value, value_size));
  // A handler that was told of an absurd head has ended the connection (see `terminate`).
  return self(user).exceeded_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/// By default the library drops a field it finds invalid; here the message is malformed (RFC 9113 8.1.1).
int Codec::Callbacks::invalid_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                                     const std::uint8_t* /*name*/, std::size_t /*name_size*/,
                                     const std::uint8_t* /*value*/, std::size_t /*value_size*/, std::uint8_t /*flags*/,
                                     void* /*user*/) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Codec::Callbacks::frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  Codec& codec = self(user);
  if (frame->hd.type == NGHTTP2_GOAWAY) codec.handler_.going_away(frame->goaway.last_stream_id);
  const bool gives_credit = frame->hd.type == NGHTTP2_WINDOW_UPDATE || frame->hd.type == NGHTTP2_SETTINGS;
  if (gives_credit) codec.resume_all(codec.crumbs_.take_held());
  StreamHandler* const stream = handler_of(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  const bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame->hd.type == NGHTTP2_HEADERS) stream->head_ended(is_last);
  if (frame->hd.type == NGHTTP2_DATA && is_last) stream->data_ended();
  return 0;
}

int Codec::Callbacks::data_chunk(nghttp2_session* session, std::uint8_t /*flags*/, StreamId id,
                                 const std::uint8_t* bytes, std::size_t size, void* user) {
  Codec& codec = self(user);
  StreamHandler* const stream = handler_of(session, id);
  if (codec.setting_.credits_connection_at_once || stream == nullptr) codec.return_connection_credit(size);
  if (stream != nullptr) stream->data(view(bytes, size));
  return 0;
}

int Codec::Callbacks::stream_closed(nghttp2_session* session, StreamId id, std::uint32_t code, void* user) {
  self(user).crumbs_.forget(id);
  StreamHandler* const stream = handler_of(session, id);
  if (stream != nullptr) stream->closed(static_cast<ErrorCode>(code));
  return 0;
}

int Codec::Callbacks::frame_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
  Codec& codec = self(user);
  const bool is_charged = frame->hd.type == NGHTTP2_RST_STREAM && is_peers_fault(frame->rst_stream.error_code);
  const auto label = is_charged ? codec.meter_.reset(codec.now_) : std::nullopt;
  if (label) codec.exceed(*label);
  return 0;
}

ssize_t Codec::Callbacks::read_data(nghttp2_session* session, StreamId id, std::uint8_t* /*to*/, std::size_t most,
                                    std::uint32_t* flags, nghttp2_data_source* /*source*/, void* user) {
  Codec& codec = self(user);
  StreamHandler* const stream = handler_of(session, id);
  if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const Outgoing part = stream->outgoing();
  if (!part.is_waiting) return NGHTTP2_ERR_DEFERRED;
  if (codec.block_->room_size() < kLeastRoom) return NGHTTP2_ERR_PAUSE;
  if (!codec.is_worth_sending(id, most, part.bytes.size())) return NGHTTP2_ERR_DEFERRED;
  const std::size_t size = std::min({most, part.bytes.size(), codec.block_->room_size() - kFrameHeader});
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (part.is_last && size == part.bytes.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (part.trailers != nullptr) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      FieldList fields;
      fields.add(*part.trailers);
      check(nghttp2_submit_trailer(session, id, fields.data(), fields.size()));
      if (size == 0) stream->sent(0);  // No DATA is sent, so nothing else would say so.
    }
  }
  return static_cast<ssize_t>(size);
}

int Codec::Callbacks::send_data(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* header,
                                std::size_t size, nghttp2_data_source* /*source*/, void* user) {
  Codec& codec = self(user);
  StreamHandler* const stream = handler_of(session, frame->hd.stream_id);
  if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  codec.block_->append(view(header, kFrameHeader));
  codec.block_->append(stream->outgoing().bytes.substr(0, size));
  codec.meter_.sent_data();
  stream->sent(size);
  return 0;
}

const nghttp2_session_callbacks* Codec::Callbacks::all() {
  static const nghttp2_session_callbacks* const callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    check(nghttp2_session_callbacks_new(&made));
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, &Safe<&begin_headers>::call);
    nghttp2_session_callbacks_set_on_header_callback(made, &Safe<&header>::call);
    nghttp2_session_callbacks_set_on_invalid_header_callback(made, &Safe<&invalid_header>::call);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, &Safe<&frame_received>::call);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &Safe<&data_chunk>::call);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, &Safe<&stream_closed>::call);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, &Safe<&frame_sent>::call);
    nghttp2_session_callbacks_set_send_data_callback(made, &Safe<&send_data>::call);
    return made;
  }();
  return callbacks;
}

}  // namespace sandgate::proxy::h2

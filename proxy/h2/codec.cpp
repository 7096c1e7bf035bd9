#include <proxy/h2/codec.hpp>

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <tuple>
#include <utility>
#include <vector>

namespace sandgate::proxy::h2 {
namespace {

// What is left of a block below this is not worth a frame.
constexpr std::size_t kLeastRoom = 1024;
constexpr std::size_t kFrameHeader = 9;
// Our own heads are bounded where they are read; the library's default is smaller than a 64 KiB head with our fields.
constexpr std::size_t kMostHeadSent = 1024 * 1024;
// Frames, beside one a stream: answers to PING and SETTINGS, resets, credit.
constexpr std::size_t kMostUnsent = 200;
constexpr std::uint16_t kStreamsPlaceholder = 0x7e7e;  // See make_greeting.
constexpr std::uint32_t kPeerStreamsAtFirst = 100;     // Until its SETTINGS come (RFC 9113 6.5.2 recommends no less).

/// What the library answered; other errors than this are about streams that are over, which is no error here.
int check(int result) {
  if (result == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
  return result;
}

std::string_view view(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::uint8_t* unconst(std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); }

/// The fields of one head, as the library takes them; it copies them before it returns, names in lower case.
class FieldList {
 public:
  FieldList() : list_(storage()) { list_.clear(); }

  void add(std::string_view name, std::string_view value) {
    list_.push_back(nghttp2_nv{unconst(name), unconst(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  void add(const http::Fields& fields) {
    for (const http::Field& field : fields) add(field.name, field.value);
  }
  void add_status(std::uint16_t status) { add(":status", number(status)); }
  void add_length(const http::BodyLength& body) {
    if (body.kind == http::BodyLength::Kind::length) add("content-length", number(body.length));
  }
  const nghttp2_nv* data() const { return list_.data(); }
  std::size_t size() const { return list_.size(); }

 private:
  static std::vector<nghttp2_nv>& storage() {
    thread_local std::vector<nghttp2_nv> list;  // So that a warm thread allocates nothing.
    return list;
  }
  std::string_view number(std::uint64_t value) {
    char* const begin = digits_.data() + used_;
    const char* const end = std::to_chars(begin, digits_.data() + digits_.size(), value).ptr;
    used_ = static_cast<std::size_t>(end - digits_.data());
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  std::vector<nghttp2_nv>& list_;
  std::array<char, 32> digits_;  // A status and a length.
  std::size_t used_ = 0;
};

StreamHandler* handler_of(nghttp2_session* session, StreamId id) {
  return static_cast<StreamHandler*>(nghttp2_session_get_stream_user_data(session, id));
}

struct OptionDeleter {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};
std::unique_ptr<nghttp2_option, OptionDeleter> make_option() {
  nghttp2_option* option = nullptr;
  check(nghttp2_option_new(&option));
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_peer_max_concurrent_streams(option, kPeerStreamsAtFirst);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_send_header_block_length(option, kMostHeadSent);
  return std::unique_ptr<nghttp2_option, OptionDeleter>(option);
}

/// Resets that the edge decides on for reasons of its own or of a sandbox's are not the peer's fault.
bool is_peers_fault(std::uint32_t code) {
  const auto error = static_cast<ErrorCode>(code);
  return error != ErrorCode::no_error && error != ErrorCode::internal_error && error != ErrorCode::cancel;
}

}  // namespace

// --- what the library calls -----------------------------------------------------------------------------------------

struct Codec::Callbacks {
  static Codec& self(void* user) { return *static_cast<Codec*>(user); }

  /// The callback without its exceptions: none may pass through the library. Whoever called the library throws it.
  template <auto callback>
  struct Safe;
  template <class Outcome, class... Arguments, Outcome (*callback)(Arguments...)>
  struct Safe<callback> {
    static Outcome call(Arguments... arguments) {
      try {
        return callback(arguments...);
      } catch (const std::bad_alloc&) {
        void* const user = std::get<sizeof...(Arguments) - 1>(std::tie(arguments...));
        self(user).is_out_of_memory_ = true;
        return NGHTTP2_ERR_CALLBACK_FAILURE;
      }
    }
  };

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Codec& codec = self(user);
    const StreamId id = frame->hd.stream_id;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    StreamHandler* const stream = codec.handler_.opened(id);
    if (stream == nullptr) {
      codec.reset(id, ErrorCode::refused_stream);
    } else {
      check(nghttp2_session_set_stream_user_data(session, id, stream));
    }
    return 0;
  }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t /*flags*/,
                    void* user) {
    StreamHandler* const stream = handler_of(session, frame->hd.stream_id);
    if (stream != nullptr) stream->field(view(name, name_size), view(value, value_size));
    // A handler that was told of an absurd head has ended the connection (see `terminate`).
    return self(user).exceeded_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  /// By default the library drops a field it finds invalid; here the message is malformed (RFC 9113 8.1.1).
  static int invalid_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/, const std::uint8_t* /*name*/,
                            std::size_t /*name_size*/, const std::uint8_t* /*value*/, std::size_t /*value_size*/,
                            std::uint8_t /*flags*/, void* /*user*/) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) self(user).handler_.going_away(frame->goaway.last_stream_id);
    StreamHandler* const stream = handler_of(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) stream->head_ended(is_last);
    if (frame->hd.type == NGHTTP2_DATA && is_last) stream->data_ended();
    return 0;
  }

  static int data_chunk(nghttp2_session* session, std::uint8_t /*flags*/, StreamId id, const std::uint8_t* bytes,
                        std::size_t size, void* user) {
    Codec& codec = self(user);
    StreamHandler* const stream = handler_of(session, id);
    if (codec.setting_.credits_connection_at_once || stream == nullptr) codec.return_connection_credit(size);
    if (stream != nullptr) stream->data(view(bytes, size));
    return 0;
  }

  static int stream_closed(nghttp2_session* session, StreamId id, std::uint32_t code, void* /*user*/) {
    StreamHandler* const stream = handler_of(session, id);
    if (stream != nullptr) stream->closed(static_cast<ErrorCode>(code));
    return 0;
  }

  static int frame_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    Codec& codec = self(user);
    const bool is_charged = frame->hd.type == NGHTTP2_RST_STREAM && is_peers_fault(frame->rst_stream.error_code);
    const auto label = is_charged ? codec.meter_.reset(codec.now_) : std::nullopt;
    if (label) codec.exceed(*label);
    return 0;
  }

  static ssize_t read_data(nghttp2_session* session, StreamId id, std::uint8_t* /*to*/, std::size_t most,
                           std::uint32_t* flags, nghttp2_data_source* /*source*/, void* user) {
    Codec& codec = self(user);
    StreamHandler* const stream = handler_of(session, id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const Outgoing part = stream->outgoing();
    if (!part.is_waiting) return NGHTTP2_ERR_DEFERRED;
    if (codec.block_->room_size() < kLeastRoom) return NGHTTP2_ERR_PAUSE;
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

  static int send_data(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* header, std::size_t size,
                       nghttp2_data_source* /*source*/, void* user) {
    Codec& codec = self(user);
    StreamHandler* const stream = handler_of(session, frame->hd.stream_id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    codec.block_->append(view(header, kFrameHeader));
    codec.block_->append(stream->outgoing().bytes.substr(0, size));
    codec.meter_.sent_data();
    stream->sent(size);
    return 0;
  }

  static const nghttp2_session_callbacks* all() {
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
};

void Codec::SessionDeleter::operator()(nghttp2_session* session) const { nghttp2_session_del(session); }

// --- life -----------------------------------------------------------------------------------------------------------

Codec::Codec(const Setting& setting, CodecHandler& handler)
    : setting_(setting),
      handler_(handler),
      meter_(setting.role == Role::server ? NGHTTP2_CLIENT_MAGIC_LEN : 0, setting.resets_per_minute),
      window_(setting.connection_window, setting.most_window) {
  const auto option = make_option();
  nghttp2_session* session = nullptr;
  if (setting.role == Role::server) {
    check(nghttp2_session_server_new2(&session, Callbacks::all(), this, option.get()));
  } else {
    check(nghttp2_session_client_new2(&session, Callbacks::all(), this, option.get()));
  }
  session_.reset(session);
  submit_settings();
  if (setting.role == Role::server) make_greeting();
}

Codec::~Codec() = default;

void Codec::submit_settings() {
  std::array<nghttp2_settings_entry, 5> entries;
  std::size_t count = 0;
  const auto add = [&](std::int32_t id, std::uint32_t value) { entries[count++] = {id, value}; };
  if (setting_.role == Role::server) add(kStreamsPlaceholder, setting_.streams);
  add(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, setting_.stream_window);
  add(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, setting_.head_bytes);
  if (setting_.role == Role::server) {
    add(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
    add(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1);
  } else {
    add(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  }
  check(nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, entries.data(), count));
  check(nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0,
                                              static_cast<std::int32_t>(setting_.connection_window)));
}

/// The library makes a connection error of a stream too many, and every exchange of the connection would pay for it. So
/// it is not told the limit: the setting is made under a number nobody uses and renamed on its way out. A stream beyond
/// it is refused by whoever is asked to open it (RFC 9113 5.1.2).
void Codec::make_greeting() {
  const std::uint8_t* bytes = nullptr;
  const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
  if (size < 0) throw std::bad_alloc();
  greeting_ = view(bytes, static_cast<std::size_t>(size));
  greeting_[kFrameHeader] = 0;  // The first setting of the frame.
  greeting_[kFrameHeader + 1] = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS;
}

// --- in -------------------------------------------------------------------------------------------------------------

void Codec::receive(std::string_view bytes, TimePoint now) {
  now_ = now;
  if (exceeded_ || is_broken_) return;
  if (const auto label = meter_.read(bytes, now)) return exceed(*label);
  const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const ssize_t taken = nghttp2_session_mem_recv(session_.get(), data, bytes.size());
  if (is_out_of_memory_ || taken == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
  if (taken >= 0) return;
  // A connection error that the library does not answer itself: a wrong preface, a flood, a head it gave up on.
  if (!exceeded_) terminate(ErrorCode::protocol_error);
}

void Codec::exceed(LimitLabel label) {
  if (exceeded_) return;
  exceeded_ = label;
  terminate(ErrorCode::enhance_your_calm);
}

bool Codec::wants_input() const { return !exceeded_ && !is_broken_ && nghttp2_session_want_read(session_.get()) != 0; }

void Codec::consume(StreamId id, Window& window, std::size_t bytes, bool is_drained, TimePoint now) {
  const auto grow = [&](Window& of, StreamId where) {
    const auto size = of.pass(bytes, is_drained, now);
    if (!size) return;
    check(nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, where,
                                                static_cast<std::int32_t>(*size)));
  };
  grow(window, id);
  check(nghttp2_session_consume_stream(session_.get(), id, bytes));
  if (setting_.credits_connection_at_once) return;
  grow(window_, 0);
  return_connection_credit(bytes);
}

void Codec::discard_unread(std::size_t bytes) {
  if (!setting_.credits_connection_at_once && bytes > 0) return_connection_credit(bytes);
}

void Codec::return_connection_credit(std::size_t bytes) {
  check(nghttp2_session_consume_connection(session_.get(), bytes));
}

// --- out ------------------------------------------------------------------------------------------------------------

void Codec::respond(StreamId id, const http::ResponseHead& head, bool is_last) {
  FieldList fields;
  fields.add_status(head.status);
  fields.add(head.fields);
  fields.add_length(head.body);
  nghttp2_data_provider body{};
  body.read_callback = &Callbacks::Safe<&Callbacks::read_data>::call;
  check(nghttp2_submit_response(session_.get(), id, fields.data(), fields.size(), is_last ? nullptr : &body));
}

void Codec::interim(StreamId id, const http::ResponseHead& head) {
  FieldList fields;
  fields.add_status(head.status);
  fields.add(head.fields);
  check(nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, id, nullptr, fields.data(), fields.size(), nullptr));
}

std::optional<StreamId> Codec::request(const http::RequestHead& head, StreamHandler& stream) {
  FieldList fields;
  fields.add(":method", head.method);
  fields.add(":scheme", "http");
  fields.add(":authority", head.authority);
  fields.add(":path", head.target);
  fields.add(head.fields);
  fields.add_length(head.body);
  nghttp2_data_provider body{};
  body.read_callback = &Callbacks::Safe<&Callbacks::read_data>::call;
  const bool has_body = head.body.kind != http::BodyLength::Kind::none;
  const int id = check(nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                                              has_body ? &body : nullptr, &stream));
  return id > 0 ? std::optional<StreamId>(id) : std::nullopt;
}

void Codec::resume(StreamId id) { check(nghttp2_session_resume_data(session_.get(), id)); }

void Codec::reset(StreamId id, ErrorCode why) {
  check(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(why)));
}

void Codec::forget(StreamId id) { check(nghttp2_session_set_stream_user_data(session_.get(), id, nullptr)); }

void Codec::announce_shutdown() { check(nghttp2_submit_shutdown_notice(session_.get())); }

void Codec::shut_down() {
  check(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_.get()), NGHTTP2_NO_ERROR, nullptr, 0));
}

void Codec::terminate(ErrorCode why) {
  check(nghttp2_session_terminate_session(session_.get(), static_cast<std::uint32_t>(why)));
}

void Codec::produce(Buffer& block, BufferPool& buffers) {
  block_ = &block;
  block.append(std::exchange(greeting_, {}));
  while (!is_broken_ && block.room_size() >= kLeastRoom) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (is_out_of_memory_ || size == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
    is_broken_ = size < 0;
    if (size <= 0) break;
    const std::string_view frame = view(bytes, static_cast<std::size_t>(size));
    if (frame.size() > block.room_size()) {
      Buffer larger = buffers.lease(block.data().size() + frame.size());
      larger.append(block.data());
      block = std::move(larger);
    }
    block.append(frame);
  }
  block_ = nullptr;
}

bool Codec::has_output() const {
  return !greeting_.empty() || (!is_broken_ && nghttp2_session_want_write(session_.get()) != 0);
}

bool Codec::is_congested() const {
  return nghttp2_session_get_outbound_queue_size(session_.get()) > setting_.streams + kMostUnsent;
}

std::uint32_t Codec::peer_streams() const {
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

}  // namespace sandgate::proxy::h2

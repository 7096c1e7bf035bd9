#include <proxy/h2/codec.hpp>
#include <proxy/h2/codec_library.hpp>
#include <proxy/h2/codec_memory.hpp>

#include <array>
#include <new>
#include <utility>

namespace sandgate::proxy::h2 {
namespace {

// Our own heads are bounded where they are read; the library's default is smaller than a 64 KiB head with our fields.
constexpr std::size_t kMostHeadSent = 1024 * 1024;
// Frames, beside one a stream: answers to PING and SETTINGS, resets, credit.
constexpr std::size_t kMostUnsent = 200;
// Bytes, of the heads among them: they are held for a client that does not read when their exchanges are long over.
constexpr std::size_t kMostUnsentAnswers = 256 * 1024;
constexpr std::uint16_t kStreamsPlaceholder = 0x7e7e;  // See make_greeting.
constexpr std::uint32_t kPeerStreamsAtFirst = 100;     // Until its SETTINGS come (RFC 9113 6.5.2 recommends no less).

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
  nghttp2_option_set_max_continuations(option, 1000);  // FrameMeter counts; the library counts pieces of frames.
  return std::unique_ptr<nghttp2_option, OptionDeleter>(option);
}

}  // namespace

void Codec::SessionDeleter::operator()(nghttp2_session* session) const { nghttp2_session_del(session); }

// --- life -----------------------------------------------------------------------------------------------------------

Codec::Codec(const Setting& setting, CodecHandler& handler)
    : setting_(setting),
      handler_(handler),
      meter_(setting.role == Role::server, setting.resets_per_minute),
      window_(setting.connection_window, setting.most_window) {
  const auto option = make_option();
  nghttp2_session* session = nullptr;
  if (setting.role == Role::server) {
    check(nghttp2_session_server_new3(&session, Callbacks::all(), this, option.get(), codec_memory()));
  } else {
    check(nghttp2_session_client_new3(&session, Callbacks::all(), this, option.get(), codec_memory()));
  }
  session_.reset(session);
  submit_settings();
  if (setting.role == Role::server) make_greeting();
}

Codec::~Codec() = default;

void Codec::submit_settings() {
  std::array<nghttp2_settings_entry, 6> entries;
  std::size_t count = 0;
  const auto add = [&](std::int32_t id, std::uint32_t value) { entries[count++] = {id, value}; };
  if (setting_.role == Role::server) add(kStreamsPlaceholder, setting_.streams);
  add(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  add(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, setting_.stream_window);
  add(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, setting_.head_bytes);
  if (setting_.role == Role::server) {
    add(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
    add(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1);
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
  if (is_ended_ || is_broken_) return;
  if (const auto label = meter_.read(bytes, now)) return exceed(*label);
  if (const auto error = meter_.violation()) return end(*error);
  const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const ssize_t taken = nghttp2_session_mem_recv(session_.get(), data, bytes.size());
  if (is_out_of_memory_ || taken == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
  if (taken >= 0) return;
  // A connection error that the library does not answer itself: a wrong preface, a flood, a head it gave up on.
  if (!exceeded_) end(ErrorCode::protocol_error);
}

void Codec::end(ErrorCode why) noexcept {
  is_ended_ = true;
  terminate(why);
}

void Codec::exceed(LimitLabel label) noexcept {
  if (exceeded_) return;
  exceeded_ = label;
  end(ErrorCode::enhance_your_calm);
}

bool Codec::wants_input() const { return !is_ended_ && !is_broken_ && nghttp2_session_want_read(session_.get()) != 0; }

void Codec::consume(StreamId id, Window& window, std::size_t bytes, bool is_drained, TimePoint now) {
  const auto grow = [&](Window& of, StreamId where) {
    const auto size = of.pass(bytes, is_drained, now);
    if (!size) return;
    check(nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, where,
                                                static_cast<std::int32_t>(*size)));
  };
  if (has_agreed_windows()) grow(window, id);
  check(nghttp2_session_consume_stream(session_.get(), id, bytes));
  if (setting_.credits_connection_at_once) return;
  grow(window_, 0);
  return_connection_credit(bytes);
}

/// Until the peer acknowledged our SETTINGS the library reckons with 64 KiB for a stream, whatever we announced, and would
/// add the difference to a window that we set before (RFC 9113 6.9.2).
bool Codec::has_agreed_windows() const {
  return nghttp2_session_get_local_settings(session_.get(), NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE) ==
         setting_.stream_window;
}

void Codec::discard_unread(std::size_t bytes) noexcept {
  if (setting_.credits_connection_at_once || bytes == 0) return;
  settle(nghttp2_session_consume_connection(session_.get(), bytes));
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
  unsent_answers_ += fields.bytes();
  check(nghttp2_submit_response(session_.get(), id, fields.data(), fields.size(), is_last ? nullptr : &body));
}

void Codec::interim(StreamId id, const http::ResponseHead& head) {
  FieldList fields;
  fields.add_status(head.status);
  fields.add(head.fields);
  unsent_answers_ += fields.bytes();
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

void Codec::resume_all(const std::vector<StreamId>& streams) {
  for (const StreamId id : streams) resume(id);
}

void Codec::release_held() { resume_all(crumbs_.release()); }

bool Codec::is_worth_sending(StreamId id, std::size_t credit, std::size_t waiting) {
  const std::uint32_t window =
      nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
  return crumbs_.lets_send(id, credit, waiting, window);
}

/// What `check` is where nothing may be thrown.
void Codec::settle(int result) noexcept { is_broken_ = is_broken_ || result == NGHTTP2_ERR_NOMEM; }

void Codec::reset(StreamId id, ErrorCode why) noexcept {
  settle(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(why)));
}

void Codec::forget(StreamId id) noexcept { nghttp2_session_set_stream_user_data(session_.get(), id, nullptr); }

void Codec::announce_shutdown() noexcept { settle(nghttp2_submit_shutdown_notice(session_.get())); }

void Codec::shut_down() noexcept {
  if (last_stream_) return;  // It must never name a higher one than before (RFC 9113 6.8).
  last_stream_ = nghttp2_session_get_last_proc_stream_id(session_.get());
  settle(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, *last_stream_, NGHTTP2_NO_ERROR, nullptr, 0));
}

void Codec::terminate(ErrorCode why) noexcept {
  settle(nghttp2_session_terminate_session(session_.get(), static_cast<std::uint32_t>(why)));
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
  if (unsent() == 0) unsent_answers_ = 0;
}

bool Codec::has_output() const {
  return !greeting_.empty() || (!is_broken_ && nghttp2_session_want_write(session_.get()) != 0);
}

std::size_t Codec::unsent() const { return nghttp2_session_get_outbound_queue_size(session_.get()); }

bool Codec::is_congested() const {
  return unsent() > setting_.streams + kMostUnsent || unsent_answers_ > kMostUnsentAnswers;
}

std::uint32_t Codec::peer_streams() const {
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

}  // namespace sandgate::proxy::h2

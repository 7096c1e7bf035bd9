// codec_library: what the files of the codec share of nghttp2: its types as ours, and the functions it calls.
#pragma once

#include <proxy/h2/codec.hpp>

#include <nghttp2/nghttp2.h>

#include <array>
#include <charconv>
#include <new>
#include <tuple>
#include <vector>

namespace sandgate::proxy::h2 {

inline constexpr std::size_t kFrameHeader = 9;
// What is left of a block below this is not worth a frame.
inline constexpr std::size_t kLeastRoom = 1024;

/// What the library answered; other errors than this are about streams that are over, which is no error here.
inline int check(int result) {
  if (result == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
  return result;
}

inline std::string_view view(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

inline std::uint8_t* unconst(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

/// The fields of one head, as the library takes them; it copies them before it returns, names in lower case.
class FieldList {
 public:
  FieldList() : list_(storage()) { list_.clear(); }

  void add(std::string_view name, std::string_view value) {
    // No two heads have the same: in the table of the connection's fields it would drive out what comes again.
    const std::uint8_t flags = name == "x-request-id" ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    list_.push_back(nghttp2_nv{unconst(name), unconst(value), name.size(), value.size(), flags});
    bytes_ += name.size() + value.size();
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
  /// What the library's copy holds.
  std::size_t bytes() const { return bytes_; }

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
  std::size_t bytes_ = 0;
};

/// What the library calls.
struct Codec::Callbacks {
  static const nghttp2_session_callbacks* all();

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

  static Codec& self(void* user) { return *static_cast<Codec*>(user); }
  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t flags,
                    void* user);
  static int invalid_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                            std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                            std::uint8_t flags, void* user);
  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int data_chunk(nghttp2_session* session, std::uint8_t flags, StreamId id, const std::uint8_t* bytes,
                        std::size_t size, void* user);
  static int stream_closed(nghttp2_session* session, StreamId id, std::uint32_t code, void* user);
  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static ssize_t read_data(nghttp2_session* session, StreamId id, std::uint8_t* to, std::size_t most,
                           std::uint32_t* flags, nghttp2_data_source* source, void* user);
  static int send_data(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* header, std::size_t size,
                       nghttp2_data_source* source, void* user);
};

}  // namespace sandgate::proxy::h2

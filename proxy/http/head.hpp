// head: a request's or a response's head as views, whatever protocol carried it.
//
// Views point into the block the head was read into, or into the exchange's arena; both outlive the exchange. Field
// names of an HTTP/2 message are lower case, those of HTTP/1 as sent; they are compared without case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

namespace sandgate::proxy::http {

struct Field {
  std::string_view name;
  std::string_view value;  ///< Without the optional white space around it. May hold obs-text (0x80-0xff).
};

/// Fields in the order they came, repetitions included.
class Fields {
 public:
  explicit Fields(std::pmr::memory_resource* memory = std::pmr::get_default_resource()) : list_(memory) {}

  void add(std::string_view name, std::string_view value) { list_.push_back({name, value}); }
  void clear() { list_.clear(); }
  void reserve(std::size_t count) { list_.reserve(count); }
  std::size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

  /// The first field of that name; nullptr when there is none.
  const Field* find(std::string_view name) const;
  /// Its value, or empty.
  std::string_view value(std::string_view name) const;
  std::size_t count(std::string_view name) const;

 private:
  std::pmr::vector<Field> list_;
};

enum class Version : std::uint8_t { http_1_0, http_1_1, http_2 };

/// How long a body is. `chunked` is HTTP/1's; a body of unknown length on HTTP/2 is `until_end`, as is a response that
/// ends with the connection.
struct BodyLength {
  enum class Kind : std::uint8_t { none, length, chunked, until_end };
  Kind kind = Kind::none;
  /// When `length`. A response may say 0; a request that says 0 has no body (`none`) but keeps its field.
  std::uint64_t length = 0;

  friend bool operator==(const BodyLength&, const BodyLength&) = default;
};

struct RequestHead {
  explicit RequestHead(std::pmr::memory_resource* memory = std::pmr::get_default_resource())
      : fields(memory), made_target(memory) {}

  std::string_view method;
  std::string_view target;     ///< Origin-form (path and query) or "*", byte for byte as sent.
  std::string_view authority;  ///< Of Host, :authority, or an absolute-form target. As sent.
  Version version = Version::http_1_1;
  Fields fields;  ///< Without Host when it was taken as authority.
  BodyLength body;
  bool keep_alive = true;         ///< HTTP/1: another request may follow on the connection.
  bool expects_continue = false;  ///< The client waits for a 100 before it sends the body; false when it has none.
  /// The one protocol asked for by a valid Upgrade (never h2c), in HTTP/2 by an extended CONNECT; empty: none.
  std::string_view upgrade;
  /// Behind `target` in the one case where it is not in the block: `http://host?query`, whose path is empty.
  std::pmr::vector<char> made_target;
};

struct ResponseHead {
  explicit ResponseHead(std::pmr::memory_resource* memory = std::pmr::get_default_resource()) : fields(memory) {}

  std::uint16_t status = 0;
  std::string_view reason;  ///< HTTP/1 only; may be empty.
  Version version = Version::http_1_1;
  Fields fields;
  BodyLength body;
  bool keep_alive = true;  ///< HTTP/1: the connection may be used again after this response.

  bool is_interim() const { return status >= 100 && status < 200 && status != 101; }
};

/// The media type is exactly application/grpc, or that with a +suffix; application/grpc-web is ordinary HTTP.
bool is_grpc(const Fields& fields);
/// Of texts as long as each other.
bool differ_in_case_at_most(std::string_view a, std::string_view b);
/// Inline up to here: most names that are compared differ in length, and most that are alike are lower case.
inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a == b || differ_in_case_at_most(a, b));
}
/// RFC 9110 5.6.2 token, not empty.
bool is_token(std::string_view text);

}  // namespace sandgate::proxy::http

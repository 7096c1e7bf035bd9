// h2_head: the fields of one HTTP/2 head, as they are decoded, -> RequestHead or ResponseHead.
//
// The HTTP/2 half of the strictness table (RFC 9113 8.2, 8.3; hardening H2-DOWN, H2-AUTH): pseudo-header fields first,
// once and known; names in lower case; nothing in a value that HTTP/1 could take for a line; no connection-specific
// field; one Content-Length of digits. Nothing relies on what the codec refuses already. What was accepted reads in
// HTTP/1 as the same request (RFC 9113 10.3).
//
// Pure. Fields are copied into `memory`, which outlives the head.
#pragma once

#include <proxy/base/failure.hpp>
#include <proxy/http/h1_head.hpp>
#include <proxy/http/head.hpp>

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::proxy::http {

/// Whether a head or trailer section has more in it than it may, counted as RFC 9113 6.5.2 does. What is past a limit
/// is counted and not kept.
class H2HeadSize {
 public:
  H2HeadSize(std::size_t max_bytes, std::size_t max_fields) : max_bytes_(max_bytes), max_fields_(max_fields) {}
  /// False: past the limit.
  bool add(std::string_view name, std::string_view value) {
    constexpr std::size_t kOverhead = 32;
    bytes_ += name.size() + value.size() + kOverhead;
    ++fields_;
    return is_within();
  }
  bool is_within() const { return bytes_ <= max_bytes_ && fields_ <= max_fields_; }
  /// So far past it that nobody is to be answered any more (hardening H2-CONT).
  bool is_absurd() const { return bytes_ > 4 * max_bytes_; }

 private:
  std::size_t max_bytes_;
  std::size_t max_fields_;
  std::size_t bytes_ = 0;
  std::size_t fields_ = 0;
};

class H2RequestReader {
 public:
  /// `limits`: overhead of 32 bytes a field counts in head_bytes (RFC 9113 6.5.2).
  H2RequestReader(const HeadLimits& limits, std::pmr::memory_resource* memory, RequestHead& head);

  void take(std::string_view name, std::string_view value);
  bool is_absurd() const { return size_.is_absurd(); }
  /// `is_last`: nothing follows the head. Fails as parse_request does. An extended CONNECT for WebSocket (RFC 8441)
  /// becomes the GET with `upgrade` that it stands for.
  Result<void> finish(bool is_last);

 private:
  void take_pseudo(std::string_view name, std::string_view value);
  void take_field(std::string_view name, std::string_view value);
  void add_cookie(std::string_view crumb);
  void malformed() { is_malformed_ = true; }
  Result<void> decide_target();
  Result<void> decide_authority();
  Result<void> decide_method();
  Result<void> decide_body(bool is_last);
  Result<void> decide_expectation();

  HeadLimits limits_;
  std::pmr::memory_resource* memory_;
  RequestHead& head_;
  H2HeadSize size_;
  std::optional<std::string_view> method_, scheme_, path_, authority_, protocol_;
  std::optional<std::string_view> host_, content_length_;
  std::string_view expectation_;
  std::size_t expectations_ = 0;
  std::pmr::string cookie_;
  bool has_fields_ = false;
  bool is_malformed_ = false;
};

class H2ResponseReader {
 public:
  H2ResponseReader(std::size_t max_bytes, std::size_t max_fields, std::pmr::memory_resource* memory,
                   ResponseHead& head);

  void take(std::string_view name, std::string_view value);
  /// Fails with response_invalid. `body` is decided as for HTTP/1: none, a length, or until the stream's end.
  Result<void> finish(bool is_head_request, bool is_last);

 private:
  std::pmr::memory_resource* memory_;
  ResponseHead& head_;
  H2HeadSize size_;
  std::optional<std::string_view> content_length_;
  bool has_status_ = false;
  bool is_malformed_ = false;
};

/// One field of a trailer section, copied into `to`; false when no trailer may look like it.
bool take_h2_trailer(std::string_view name, std::string_view value, std::pmr::memory_resource* memory, Fields& to);

}  // namespace sandgate::proxy::http

#include <proxy/http/arena_text.hpp>
#include <proxy/http/h1_fields.hpp>
#include <proxy/http/h2_head.hpp>
#include <routing/authority.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::proxy::http {
namespace {

/// A field name as HTTP/2 has them: a token without upper-case letters (RFC 9113 8.2.1).
bool is_lower_token(std::string_view name) {
  return is_token(name) && std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// Text that cannot break a line, without white space at its ends (RFC 9113 8.2.1).
bool is_clean_value(std::string_view value) {
  if (skip_text(value.data(), value.data() + value.size()) != value.data() + value.size()) return false;
  return value.empty() || !(is(ByteClass::space, value.front()) || is(ByteClass::space, value.back()));
}

/// What belongs to one HTTP/1 connection makes an HTTP/2 message malformed (RFC 9113 8.2.2).
bool is_connection_specific(std::string_view name, std::string_view value) {
  if (name == "te") return value != "trailers";
  return name == "connection" || name == "proxy-connection" || name == "keep-alive" || name == "transfer-encoding" ||
         name == "upgrade";
}

bool is_clean_field(std::string_view name, std::string_view value) {
  return is_lower_token(name) && is_clean_value(value) && !is_connection_specific(name, value);
}

/// `once` is filled; false when it was before.
bool fill(std::optional<std::string_view>& once, std::string_view value) {
  if (once) return false;
  once = value;
  return true;
}

}  // namespace

// --- requests -------------------------------------------------------------------------------------------------------

H2RequestReader::H2RequestReader(const HeadLimits& limits, std::pmr::memory_resource* memory, RequestHead& head)
    : limits_(limits), memory_(memory), head_(head), size_(limits.head_bytes, limits.fields), cookie_(memory) {
  head_.version = Version::http_2;
}

void H2RequestReader::take(std::string_view name, std::string_view value) {
  if (!size_.add(name, value) || is_malformed_) return;
  if (!is_clean_value(value) || name.empty()) return malformed();
  const std::string_view kept = concat(memory_, {value});
  if (name.front() == ':') return take_pseudo(name, kept);
  has_fields_ = true;
  if (!is_clean_field(name, value)) return malformed();
  take_field(concat(memory_, {name}), kept);
}

void H2RequestReader::take_pseudo(std::string_view name, std::string_view value) {
  bool is_first = !has_fields_;  // None may come after the first regular field (RFC 9113 8.3).
  if (name == ":method") {
    is_first = is_first && fill(method_, value);
    head_.method = value;
  } else if (name == ":scheme") {
    is_first = is_first && fill(scheme_, value);
  } else if (name == ":path") {
    is_first = is_first && fill(path_, value);
    head_.target = value;
  } else if (name == ":authority") {
    is_first = is_first && fill(authority_, value);
  } else if (name == ":protocol") {
    is_first = is_first && fill(protocol_, value);
  } else {
    is_first = false;
  }
  if (!is_first) malformed();
}

void H2RequestReader::take_field(std::string_view name, std::string_view value) {
  if (name == "cookie") return add_cookie(value);
  if (protocol_ && name == "sec-websocket-key") return;  // The key is of the HTTP/1 hop, where there is one.
  bool is_first = true;
  if (name == "host") {
    is_first = fill(host_, value);
    if (!is_first) malformed();
    return;  // As in HTTP/1 it is the authority, no field.
  }
  if (name == "content-length") is_first = fill(content_length_, value);
  if (!is_first) return malformed();
  if (name == "expect") {
    ++expectations_;
    expectation_ = value;
  }
  head_.fields.add(name, value);
}

/// Crumbs become one field again (RFC 9113 8.2.3). An empty one would leave white space at its end, which HTTP/1 drops.
void H2RequestReader::add_cookie(std::string_view crumb) {
  if (crumb.empty()) return;
  if (!cookie_.empty()) cookie_.append("; ");
  cookie_.append(crumb);
}

Result<void> H2RequestReader::finish(bool is_last) {
  if (!size_.is_within()) return Failure::head_too_large;
  if (is_malformed_ || !method_ || !is_token(*method_)) return Failure::bad_request;
  if (method_->size() > kMaxMethodBytes) return Failure::bad_request;
  if (!cookie_.empty()) head_.fields.add("cookie", concat(memory_, {cookie_}));
  if (const auto method = decide_method(); !method) return method;
  if (const auto target = decide_target(); !target) return target;
  if (const auto authority = decide_authority(); !authority) return authority;
  if (const auto body = decide_body(is_last); !body) return body;
  return decide_expectation();
}

/// CONNECT is served only as RFC 8441 extends it, for what the edge knows how to carry.
Result<void> H2RequestReader::decide_method() {
  if (*method_ == "TRACE" || (*method_ == "CONNECT" && !protocol_)) return Failure::method_not_allowed;
  if (!protocol_) return {};
  if (*method_ != "CONNECT" || *protocol_ != "websocket") return Failure::bad_request;
  head_.method = "GET";
  head_.upgrade = *protocol_;
  return {};
}

Result<void> H2RequestReader::decide_target() {
  if (!scheme_ || !path_ || path_->empty()) return Failure::bad_request;
  if (!equal_ignoring_case(*scheme_, "http") && !equal_ignoring_case(*scheme_, "https")) return Failure::bad_request;
  if (path_->size() > limits_.target_bytes) return Failure::target_too_long;
  const char* const end = path_->data() + path_->size();
  if (skip(ByteClass::target, path_->data(), end) != end) return Failure::bad_request;
  const bool is_origin_form = path_->front() == '/' || (*path_ == "*" && *method_ == "OPTIONS");
  return is_origin_form ? Result<void>{} : Failure::bad_request;
}

/// :authority and Host mean the same; where both stand they must say the same (RFC 9113 8.3.1).
Result<void> H2RequestReader::decide_authority() {
  if (authority_ && host_ && !routing::same_authority(*authority_, *host_)) return Failure::bad_request;
  const std::optional<std::string_view> authority = authority_ ? authority_ : host_;
  if (!authority || !routing::split_authority(*authority)) return Failure::bad_request;
  head_.authority = *authority;
  return {};
}

Result<void> H2RequestReader::decide_body(bool is_last) {
  const std::optional<std::uint64_t> length =
      content_length_ ? parse_content_length(*content_length_) : std::optional<std::uint64_t>(0);
  if (!length || (is_last && *length > 0)) return Failure::bad_request;
  if (is_last || !head_.upgrade.empty()) return {};
  head_.body =
      content_length_ ? BodyLength{BodyLength::Kind::length, *length} : BodyLength{BodyLength::Kind::until_end};
  return {};
}

Result<void> H2RequestReader::decide_expectation() {
  if (expectations_ == 0) return {};
  if (expectations_ > 1 || !equal_ignoring_case(expectation_, "100-continue")) return Failure::bad_expectation;
  head_.expects_continue = head_.body.kind != BodyLength::Kind::none;
  return {};
}

// --- responses ------------------------------------------------------------------------------------------------------

H2ResponseReader::H2ResponseReader(std::size_t max_bytes, std::size_t max_fields, std::pmr::memory_resource* memory,
                                   ResponseHead& head)
    : memory_(memory), head_(head), size_(max_bytes, max_fields) {
  head_.version = Version::http_2;
}

void H2ResponseReader::take(std::string_view name, std::string_view value) {
  if (!size_.add(name, value) || is_malformed_) return;
  if (name == ":status") {
    const bool is_first = !std::exchange(has_status_, true) && head_.fields.empty();
    const bool is_code =
        value.size() == 3 && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    is_malformed_ = !is_first || !is_code;
    if (!is_malformed_) {
      head_.status = static_cast<std::uint16_t>((value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0'));
    }
    return;
  }
  is_malformed_ = !has_status_ || !is_clean_field(name, value);
  if (is_malformed_) return;
  const std::string_view kept = concat(memory_, {value});
  if (name == "content-length") is_malformed_ = !fill(content_length_, kept);
  head_.fields.add(concat(memory_, {name}), kept);
}

Result<void> H2ResponseReader::finish(bool is_head_request, bool is_last) {
  const bool is_code = head_.status >= 100 && head_.status <= 599 && head_.status != 101;  // RFC 9113 8.6
  if (is_malformed_ || !size_.is_within() || !is_code) return Failure::response_invalid;
  BodyLength stated{is_last ? BodyLength::Kind::length : BodyLength::Kind::until_end};
  if (content_length_) {
    const std::optional<std::uint64_t> length = parse_content_length(*content_length_);
    if (!length) return Failure::response_invalid;
    stated = {BodyLength::Kind::length, *length};
  }
  const bool is_bodyless = is_head_request || head_.status < 200 || head_.status == 204 || head_.status == 304;
  if (is_bodyless) return {};
  if (is_last && stated.length > 0) return Failure::response_invalid;
  head_.body = stated;
  return {};
}

// --- trailers -------------------------------------------------------------------------------------------------------

bool take_h2_trailer(std::string_view name, std::string_view value, std::pmr::memory_resource* memory, Fields& to) {
  if (!is_clean_field(name, value)) return false;
  to.add(concat(memory, {name}), concat(memory, {value}));
  return true;
}

}  // namespace sandgate::proxy::http

// h1_write: heads and body framing as HTTP/1 bytes, always rebuilt from what was parsed.
//
// Every function appends to a buffer the caller owns. `Out` is any type with append(std::string_view).
#pragma once

#include <proxy/http/head.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sandgate::proxy::http {

/// The reason phrase of RFC 9110 15, or "Unknown".
std::string_view reason_phrase(std::uint16_t status);

template <class Out>
void write_field(Out& out, std::string_view name, std::string_view value) {
  out.append(name);
  out.append(": ");
  out.append(value);
  out.append("\r\n");
}

template <class Out>
void write_number(Out& out, std::uint64_t number, int base = 10) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

/// `method SP target SP HTTP/1.1 CRLF`
template <class Out>
void write_request_line(Out& out, std::string_view method, std::string_view target) {
  out.append(method);
  out.append(" ");
  out.append(target);
  out.append(" HTTP/1.1\r\n");
}

/// `HTTP/1.1 SP status SP reason CRLF`; an empty reason becomes the standard phrase.
template <class Out>
void write_status_line(Out& out, std::uint16_t status, std::string_view reason) {
  out.append("HTTP/1.1 ");
  write_number(out, status);
  out.append(" ");
  out.append(reason.empty() ? reason_phrase(status) : reason);
  out.append("\r\n");
}

template <class Out>
void write_fields(Out& out, const Fields& fields) {
  for (const Field& field : fields) write_field(out, field.name, field.value);
}

/// The framing field for a body: Content-Length, Transfer-Encoding: chunked, or nothing.
template <class Out>
void write_framing(Out& out, BodyLength body) {
  if (body.kind == BodyLength::Kind::length) {
    out.append("Content-Length: ");
    write_number(out, body.length);
    out.append("\r\n");
  } else if (body.kind == BodyLength::Kind::chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  }
}

/// Size line of a chunk; its data and a CRLF follow.
template <class Out>
void write_chunk_head(Out& out, std::uint64_t size) {
  write_number(out, size, 16);
  out.append("\r\n");
}

/// The last chunk and the trailer section.
template <class Out>
void write_last_chunk(Out& out, const Fields* trailers) {
  out.append("0\r\n");
  if (trailers) write_fields(out, *trailers);
  out.append("\r\n");
}

}  // namespace sandgate::proxy::http

// h2_frames: HTTP/2 frames written and read by hand (RFC 9113 4.1, 6), without any library: what a peer may put on the
// wire, lawful or not. Fields are literals without indexing and without Huffman coding (RFC 7541 6.2.2), which any
// decoder must take and which leave no state behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandgate::proxy::tests {

enum class FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
  unknown = 0x42,
};

inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kAck = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;
inline constexpr std::size_t kFrameHeaderBytes = 9;
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Frame {
  FrameType type = FrameType::data;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

inline std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = bytes; i-- > 0;) text += static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i)));
  return text;
}

inline std::uint32_t read_number(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

inline std::string frame(FrameType type, std::uint8_t flags, std::uint32_t stream, std::string_view payload = {}) {
  std::string bytes = big_endian(payload.size(), 3);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  return bytes.append(big_endian(stream, 4)).append(payload);
}

// --- field blocks ---------------------------------------------------------------------------------------------------

using FieldList = std::vector<std::pair<std::string, std::string>>;

/// A string literal: a length with a prefix of seven bits, and the bytes (RFC 7541 5.1, 5.2).
inline std::string hpack_string(std::string_view text) {
  constexpr std::size_t kPrefix = 127;
  std::string bytes;
  std::size_t left = text.size();
  if (left < kPrefix) return bytes.append(1, static_cast<char>(left)).append(text);
  bytes += static_cast<char>(kPrefix);
  for (left -= kPrefix; left >= 128; left /= 128) bytes += static_cast<char>(left % 128 + 128);
  return bytes.append(1, static_cast<char>(left)).append(text);
}

inline std::string hpack(const FieldList& fields) {
  std::string block;
  for (const auto& [name, value] : fields) block.append(1, '\0').append(hpack_string(name)).append(hpack_string(value));
  return block;
}

inline FieldList get(std::string_view path = "/") {
  return {{":method", "GET"}, {":scheme", "https"}, {":path", std::string(path)}, {":authority", "a.test"}};
}
inline FieldList post() {
  return {{":method", "POST"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a.test"}};
}

// --- frames ---------------------------------------------------------------------------------------------------------

inline std::string headers(std::uint32_t stream, const FieldList& fields,
                           std::uint8_t flags = kEndHeaders | kEndStream) {
  return frame(FrameType::headers, flags, stream, hpack(fields));
}
inline std::string data(std::uint32_t stream, std::string_view bytes, std::uint8_t flags = 0) {
  return frame(FrameType::data, flags, stream, bytes);
}
/// DATA whose payload is `bytes` and `padding` bytes of padding.
inline std::string padded_data(std::uint32_t stream, std::string_view bytes, std::uint8_t padding) {
  const std::string payload = std::string(1, static_cast<char>(padding)).append(bytes).append(padding, '\0');
  return frame(FrameType::data, kPadded, stream, payload);
}
inline std::string rst_stream(std::uint32_t stream, std::uint32_t code) {
  return frame(FrameType::rst_stream, 0, stream, big_endian(code, 4));
}
inline std::string settings(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> entries = {}) {
  std::string payload;
  for (const auto& [id, value] : entries) payload.append(big_endian(id, 2)).append(big_endian(value, 4));
  return frame(FrameType::settings, 0, 0, payload);
}
inline std::string settings_ack() { return frame(FrameType::settings, kAck, 0); }
inline std::string ping() { return frame(FrameType::ping, 0, 0, "12345678"); }
inline std::string window_update(std::uint32_t stream, std::uint32_t increment) {
  return frame(FrameType::window_update, 0, stream, big_endian(increment, 4));
}
inline std::string goaway(std::uint32_t last, std::uint32_t code) {
  return frame(FrameType::goaway, 0, 0, big_endian(last, 4) + big_endian(code, 4));
}

// --- reading --------------------------------------------------------------------------------------------------------

/// Every whole frame; nothing when `bytes` do not end with one.
inline std::optional<std::vector<Frame>> read_frames(std::string_view bytes) {
  std::vector<Frame> frames;
  while (!bytes.empty()) {
    if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
    const std::size_t size = read_number(bytes.substr(0, 3));
    if (bytes.size() < kFrameHeaderBytes + size) return std::nullopt;
    frames.push_back({static_cast<FrameType>(bytes[3]), static_cast<std::uint8_t>(bytes[4]),
                      read_number(bytes.substr(5, 4)), std::string(bytes.substr(kFrameHeaderBytes, size))});
    bytes.remove_prefix(kFrameHeaderBytes + size);
  }
  return frames;
}

}  // namespace sandgate::proxy::tests

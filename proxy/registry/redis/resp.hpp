// resp: bytes <-> commands and replies of Redis (RESP2). The only file that sees hiredis, and only its parser and its
// formatter: no socket, no clock.
//
// A server is trusted, but what comes from it is bounded: a reply larger than kMostBytes or of more than kMostElements,
// those of arrays within arrays included, or bytes that are no RESP2 break the reader for good, and with it the
// connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace sandgate::proxy::registry::redis {

struct Reply {
  enum class Kind : std::uint8_t { nil, text, status, error, integer, array };
  Kind kind = Kind::nil;
  std::string text;  ///< Of a text, status or error.
  long long integer = 0;
  std::vector<Reply> elements;

  bool is_error() const { return kind == Kind::error; }
  bool is_text(std::string_view wanted) const { return kind == Kind::text && text == wanted; }
  bool is_status(std::string_view wanted) const { return kind == Kind::status && text == wanted; }
};

class ReplyReader {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{64} * 1024 * 1024;
  static constexpr std::size_t kMostElements = std::size_t{256} * 1024;

  ReplyReader();
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::string_view bytes);
  /// The next whole reply; nothing: more bytes are needed, or it is broken.
  std::optional<Reply> next();
  /// Why it is; empty: it is not.
  const std::string& broken() const { return broken_; }

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };
  std::unique_ptr<redisReader, Free> reader_;
  std::size_t elements_left_ = kMostElements;  ///< Of the reply that is being read.
  std::string broken_;
};

/// A command as it is sent: any bytes in its words.
std::string command(std::initializer_list<std::string_view> words);
std::string command(std::span<const std::string_view> words);

}  // namespace sandgate::proxy::registry::redis

// records: what is said to Redis about records, and what its answers mean. Pure.
//
// A record is read as PTTL and then GETRANGE up to one byte more than a record may have: a value of any size costs no
// more than that. The two are not one moment. PTTL comes first, so a key that was made between them shows as a value
// without time to live ("torn"), one that died as an empty text, and both are read again; every other change between
// them is told of by an invalidation.
//
// Writing is one script each, so that nothing can come between looking and changing:
//   put     SET and PEXPIREAT, says whether the key was there
//   remove  DEL, only while the record's execution_id is the one that is given, when one is
#pragma once

#include <proxy/base/deadline.hpp>
#include <proxy/registry/redis/resp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry::redis {

struct Reading {
  enum class Kind : std::uint8_t {
    record,
    absent,
    torn,    ///< It changed while it was read.
    failed,  ///< The server did not say: `text` is its error.
  };
  Kind kind = Kind::failed;
  std::string text;
  TimePoint until = kNever;  ///< When the key dies, of a record.
};

inline constexpr std::size_t kReadReplies = 2;
/// `preface`, when there is one, goes before each command and has a reply of its own.
std::string read_record(std::string_view key, std::string_view preface = {});
/// The last two replies count. `sent_at`: when it was asked, from which the time to live is counted: rather too short than too long.
Reading to_reading(const std::vector<Reply>& replies, TimePoint sent_at);

/// Answered with 1 when the key was there, else 0.
std::string put_record(std::string_view key, std::string_view json,
                       std::optional<std::chrono::system_clock::time_point> expires_at);
std::string remove_record(std::string_view key);
/// Answered with 1: removed, 0: not there, -1: of another execution.
std::string remove_execution(std::string_view key, std::string_view execution_id);

/// A page of the keys under `prefix`; the reply is [cursor, [key, ...]].
std::string scan(std::string_view cursor, std::string_view prefix);

}  // namespace sandgate::proxy::registry::redis

#include <proxy/registry/redis/records.hpp>
#include <routing/route_record.hpp>

#include <utility>

namespace sandgate::proxy::registry::redis {
namespace {

constexpr std::string_view kPut =
    "local was = redis.call('EXISTS', KEYS[1]) "
    "redis.call('SET', KEYS[1], ARGV[1]) "
    "if ARGV[2] ~= '' then redis.call('PEXPIREAT', KEYS[1], ARGV[2]) end "
    "return was";

constexpr std::string_view kRemoveExecution =
    "local text = redis.call('GET', KEYS[1]) "
    "if not text then return 0 end "
    "local ok, record = pcall(cjson.decode, text) "
    "if not ok or type(record) ~= 'table' or record['execution_id'] ~= ARGV[1] then return -1 end "
    "return redis.call('DEL', KEYS[1])";

constexpr long long kNoKey = -2;
// A hundred years: what lives longer does not die here. The clock counts nanoseconds in 64 bits, 292 years of them.
constexpr long long kEndlessMs = 100LL * 365 * 24 * 3600 * 1000;

/// A glob of SCAN that matches what begins with `prefix`, whatever is in it.
std::string glob(std::string_view prefix) {
  std::string pattern;
  for (const char c : prefix) {
    if (std::string_view("*?[]\\^-").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern + "*";
}

}  // namespace

std::string read_record(std::string_view key, std::string_view preface) {
  static const std::string kLast = std::to_string(routing::kMaxRecordBytes);
  std::string commands(preface);
  commands += command({"PTTL", key});
  commands += preface;
  return commands + command({"GETRANGE", key, "0", kLast});
}

Reading to_reading(const std::vector<Reply>& replies, TimePoint sent_at) {
  const Reply& left = replies.at(replies.size() == kReadReplies ? 0 : 1);  // After a preface's own reply.
  const Reply& value = replies.back();
  // A key that holds a list, say: it is there, and it is no record.
  if (value.is_error() && value.text.starts_with("WRONGTYPE")) return {Reading::Kind::record, "", kNever};
  if (left.is_error()) return {Reading::Kind::failed, left.text, kNever};
  if (value.is_error()) return {Reading::Kind::failed, value.text, kNever};
  if (left.kind != Reply::Kind::integer || value.kind != Reply::Kind::text) {
    return {Reading::Kind::failed, "the reply is of an unexpected kind", kNever};
  }
  const bool was_there = left.integer != kNoKey;
  if (!was_there && value.text.empty()) return {Reading::Kind::absent, {}, kNever};
  if (!was_there || value.text.empty()) return {Reading::Kind::torn, value.text, kNever};
  const bool dies = left.integer >= 0 && left.integer < kEndlessMs;
  const TimePoint until = dies ? sent_at + std::chrono::milliseconds(left.integer) : kNever;
  return {Reading::Kind::record, value.text, until};
}

std::string put_record(std::string_view key, std::string_view json,
                       std::optional<std::chrono::system_clock::time_point> expires_at) {
  std::string until;
  if (expires_at) {
    using std::chrono::milliseconds;
    until = std::to_string(std::chrono::duration_cast<milliseconds>(expires_at->time_since_epoch()).count());
  }
  return command({"EVAL", kPut, "1", key, json, until});
}

std::string remove_record(std::string_view key) { return command({"DEL", key}); }

std::string remove_execution(std::string_view key, std::string_view execution_id) {
  return command({"EVAL", kRemoveExecution, "1", key, execution_id});
}

std::string scan(std::string_view cursor, std::string_view prefix) {
  return command({"SCAN", cursor, "MATCH", glob(prefix), "COUNT", "1000"});
}

}  // namespace sandgate::proxy::registry::redis

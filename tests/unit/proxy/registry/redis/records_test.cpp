#include <proxy/registry/redis/records.hpp>
#include <routing/route_record.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace sandgate::proxy::registry::redis {
namespace {

using Kind = Reading::Kind;
const TimePoint kSent = TimePoint() + std::chrono::seconds(1000);

Reading reading_of(std::string_view bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  std::vector<Reply> replies;
  while (auto reply = reader.next()) replies.push_back(*std::move(reply));
  return to_reading(replies, kSent);
}

TEST_CASE("records: a value with its time to live", "[redis]") {
  const Reading forever = reading_of(":-1\r\n$2\r\n{}\r\n");
  CHECK(forever.kind == Kind::record);
  CHECK(forever.text == "{}");
  CHECK(forever.until == kNever);
  CHECK(reading_of(":1500\r\n$2\r\n{}\r\n").until == kSent + std::chrono::milliseconds(1500));
  CHECK(reading_of(":3000777777760244\r\n$2\r\n{}\r\n").until == kNever);  // More than the clock can count.
}

TEST_CASE("records: what the two replies mean together", "[redis]") {
  const auto [bytes, kind] = GENERATE(table<std::string, Kind>({
      {":-2\r\n$0\r\n\r\n", Kind::absent},
      {":-2\r\n$2\r\n{}\r\n", Kind::torn},  // made in between
      {":5000\r\n$0\r\n\r\n", Kind::torn},  // died in between, or is empty
      {":-1\r\n-WRONGTYPE x\r\n", Kind::record},
      {"-LOADING x\r\n-LOADING x\r\n", Kind::failed},
      {"-MOVED 1 h:1\r\n-MOVED 1 h:1\r\n", Kind::failed},
      {":-1\r\n-NOPERM x\r\n", Kind::failed},
      {":-1\r\n:3\r\n", Kind::failed},
      {"+OK\r\n:-1\r\n+OK\r\n$2\r\n{}\r\n", Kind::record},  // each after a preface of its own
  }));
  CAPTURE(bytes);
  CHECK(reading_of(bytes).kind == kind);
}

TEST_CASE("records: no more of a value is read than a record may have", "[redis]") {
  const std::string commands = read_record("k");
  CHECK(commands.find("GETRANGE\r\n$1\r\nk\r\n$1\r\n0\r\n$5\r\n" + std::to_string(routing::kMaxRecordBytes)) !=
        std::string::npos);
}

TEST_CASE("records: a prefix with characters of a pattern is searched as it is", "[redis]") {
  CHECK(scan("0", "a*[b]?").find("a\\*\\[b\\]\\?*") != std::string::npos);
}

}  // namespace
}  // namespace sandgate::proxy::registry::redis

#include <proxy/h2/stream_ids.hpp>

#include <catch2/catch.hpp>

#include <optional>
#include <vector>

namespace sandgate::proxy::h2 {
namespace {

enum class Sent { headers, last_headers, data, last_data, reset };
struct Step {
  Sent what;
  std::uint32_t id;
};

std::optional<ErrorCode> take(StreamIds& ids, const Step& step) {
  switch (step.what) {
    case Sent::headers:
      return ids.headers(step.id, false);
    case Sent::last_headers:
      return ids.headers(step.id, true);
    case Sent::data:
      return ids.data(step.id, false);
    case Sent::last_data:
      return ids.data(step.id, true);
    case Sent::reset:
      ids.reset(step.id);
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("stream ids: what may come on a stream", "[h2]") {
  using S = Sent;
  struct Row {
    const char* what;
    std::vector<Step> steps;
    std::optional<ErrorCode> last;  ///< What the last step is; all before are lawful.
  };
  const std::vector<Row> rows{
      {"one after the other", {{S::last_headers, 1}, {S::last_headers, 3}, {S::last_headers, 5}}, {}},
      {"a body and trailers", {{S::headers, 1}, {S::data, 1}, {S::last_headers, 1}}, {}},
      {"an earlier one that is open", {{S::headers, 1}, {S::last_headers, 3}, {S::last_data, 1}}, {}},
      {"some passed over", {{S::last_headers, 1}, {S::last_headers, 9}}, {}},
      {"DATA after the end", {{S::last_headers, 1}, {S::data, 1}}, ErrorCode::stream_closed},
      {"HEADERS after the end", {{S::headers, 1}, {S::last_data, 1}, {S::last_headers, 1}}, ErrorCode::stream_closed},
      {"DATA after a reset", {{S::headers, 1}, {S::reset, 1}, {S::data, 1}}, ErrorCode::stream_closed},
      {"HEADERS after a reset", {{S::headers, 1}, {S::reset, 1}, {S::headers, 1}}, ErrorCode::stream_closed},
      {"one that was passed over", {{S::headers, 1}, {S::headers, 5}, {S::headers, 3}}, ErrorCode::protocol_error},
      {"the first was passed over", {{S::headers, 3}, {S::headers, 1}}, ErrorCode::protocol_error},
      {"DATA of one that was passed over", {{S::headers, 9}, {S::data, 7}}, ErrorCode::protocol_error},
      {"DATA of one that is still to come, which is the codec's", {{S::headers, 1}, {S::data, 3}}, {}},
      {"a reset of nothing", {{S::reset, 7}, {S::headers, 1}}, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    StreamIds ids;
    for (std::size_t i = 0; i + 1 < row.steps.size(); ++i) CHECK_FALSE(take(ids, row.steps[i]));
    CHECK(take(ids, row.steps.back()) == row.last);
  }
}

TEST_CASE("stream ids: a client that never ends what it began is judged by what is remembered", "[h2]") {
  StreamIds ids;
  for (std::uint32_t id = 1; id < 3 * 2048; id += 2) CHECK_FALSE(ids.headers(id, false));
  CHECK_FALSE(ids.data(1, false));                                  // Forgotten, so it may be open.
  CHECK_FALSE(ids.data(3 * 2048 - 1, true));                        // Remembered,
  CHECK(ids.data(3 * 2048 - 1, true) == ErrorCode::stream_closed);  // and ended.
}

TEST_CASE("stream ids: beyond so many gaps nothing is held against a client", "[h2]") {
  StreamIds ids;
  for (std::uint32_t id = 1; id < 1000; id += 6) CHECK_FALSE(ids.headers(id, true));
  CHECK(ids.headers(3, true) == ErrorCode::protocol_error);
  CHECK_FALSE(ids.headers(995, true));
}

}  // namespace sandgate::proxy::h2

// Replies of Redis: however the bytes are cut, the same replies come out, each reads the same when it is written again,
// and what they would mean about a record is decided without a crash. The first byte says where the cut is.
#include <proxy/registry/redis/records.hpp>
#include <proxy/registry/redis/resp.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

namespace sandgate::fuzz {
namespace {

using proxy::registry::redis::Reply;
using proxy::registry::redis::ReplyReader;
using Kind = Reply::Kind;

struct Read {
  std::vector<Reply> replies;
  bool is_broken = false;
};

void feed(ReplyReader& reader, std::string_view bytes, Read& into) {
  reader.feed(bytes);
  while (auto reply = reader.next()) into.replies.push_back(*std::move(reply));
  into.is_broken = !reader.broken().empty();
}

Read read(std::string_view bytes, std::size_t cut) {
  ReplyReader reader;
  Read result;
  feed(reader, bytes.substr(0, cut), result);
  feed(reader, bytes.substr(cut), result);
  return result;
}

bool is_same(const Reply& a, const Reply& b) {
  if (a.kind != b.kind || a.text != b.text || a.integer != b.integer) return false;
  if (a.elements.size() != b.elements.size()) return false;
  for (std::size_t i = 0; i < a.elements.size(); ++i) {
    if (!is_same(a.elements[i], b.elements[i])) return false;
  }
  return true;
}

void write(const Reply& reply, std::string& out) {
  switch (reply.kind) {
    case Kind::nil:
      out += "$-1\r\n";
      return;
    case Kind::text:
      out += "$" + std::to_string(reply.text.size()) + "\r\n" + reply.text + "\r\n";
      return;
    case Kind::status:
      out += "+" + reply.text + "\r\n";
      return;
    case Kind::error:
      out += "-" + reply.text + "\r\n";
      return;
    case Kind::integer:
      out += ":" + std::to_string(reply.integer) + "\r\n";
      return;
    case Kind::array:
      out += "*" + std::to_string(reply.elements.size()) + "\r\n";
      for (const Reply& element : reply.elements) write(element, out);
  }
}

void check(std::string_view bytes, std::size_t cut) {
  const Read whole = read(bytes, bytes.size());
  const Read in_two = read(bytes, cut);
  if (whole.replies.size() != in_two.replies.size() || whole.is_broken != in_two.is_broken) std::abort();
  std::string written;
  for (std::size_t i = 0; i < whole.replies.size(); ++i) {
    if (!is_same(whole.replies[i], in_two.replies[i])) std::abort();
    write(whole.replies[i], written);
  }
  const Read again = read(written, written.size());
  if (again.is_broken || again.replies.size() != whole.replies.size()) std::abort();
  for (std::size_t i = 0; i < again.replies.size(); ++i) {
    if (!is_same(whole.replies[i], again.replies[i])) std::abort();
  }
  for (const std::size_t count : {std::size_t{2}, std::size_t{4}}) {
    if (whole.replies.size() < count) continue;
    const std::vector<Reply> some(whole.replies.begin(), whole.replies.begin() + static_cast<std::ptrdiff_t>(count));
    const auto reading = proxy::registry::redis::to_reading(some, {});
    using proxy::registry::redis::Reading;
    if (reading.kind == Reading::Kind::absent && !some.back().text.empty()) std::abort();
  }
}

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  sandgate::fuzz::check(bytes, bytes.empty() ? 0 : data[0] % bytes.size());
  return 0;
}

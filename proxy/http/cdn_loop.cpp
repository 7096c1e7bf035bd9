#include <proxy/http/cdn_loop.hpp>
#include <proxy/http/h1_fields.hpp>
#include <proxy/http/head.hpp>

#include <algorithm>

namespace sandgate::proxy::http {
namespace {

/// Past the quoted string that begins at `at`; npos when nothing closes it.
std::size_t find_quoted_end(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return std::string_view::npos;
}

/// Gives the members of a list one by one, parameters included. Time is linear: the first quote that nothing closes
/// ends the search for others.
class Members {
 public:
  explicit Members(std::string_view list) : rest_(list) {}
  bool has_more() const { return !rest_.empty(); }

  std::string_view take() {
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != ',') end = step(end);
    const std::string_view member = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return member;
  }

 private:
  std::size_t step(std::size_t at) {
    if (rest_[at] != '"' || !quotes_close_) return at + 1;
    const std::size_t end = find_quoted_end(rest_, at);
    quotes_close_ = end != std::string_view::npos;
    return quotes_close_ ? end : at + 1;
  }

  std::string_view rest_;
  bool quotes_close_ = true;
};

}  // namespace

std::size_t count_passes(std::string_view cdn_loop, std::string_view edge_id) {
  std::size_t passes = 0;
  for (Members members(cdn_loop); members.has_more();) {
    std::string_view id = members.take();
    id = id.substr(0, id.find(';'));
    if (equal_ignoring_case(take_element(id), edge_id)) ++passes;
  }
  return passes;
}

}  // namespace sandgate::proxy::http

#include <proxy/registry/kubernetes/json_splitter.hpp>

namespace sandgate::proxy::registry::kubernetes {
namespace {

constexpr std::string_view kItems = "items";
constexpr std::size_t kKeptBytes = std::size_t{256} * 1024;  ///< Of the buffer, after a larger value.

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

void JsonSplitter::begin_value() {
  is_in_value_ = true;
  is_oversized_ = false;
  is_in_string_ = false;
  is_escaped_ = false;
  depth_ = 0;
  skipped_ = 0;
  value_.clear();
}

JsonSplitter::Piece JsonSplitter::take(std::string_view& bytes) {
  if (is_value_done_) {
    is_value_done_ = false;
    if (value_.capacity() > kKeptBytes) std::string().swap(value_);
  }
  while (!bytes.empty()) {
    if (is_broken_) return {Piece::Kind::broken};
    if (is_in_value_) {
      const Piece piece = take_value(bytes);
      if (piece.kind != Piece::Kind::more) return piece;
      continue;
    }
    if (bytes.front() == '{' && (shape_ == Shape::documents || (stage_ == Stage::items && turn_ != Turn::comma))) {
      begin_value();
      continue;
    }
    is_broken_ = !take_between(bytes.front());
    bytes.remove_prefix(1);
  }
  return {is_broken_ ? Piece::Kind::broken : Piece::Kind::more};
}

/// Up to the end of the value, or of the bytes.
JsonSplitter::Piece JsonSplitter::take_value(std::string_view& bytes) {
  std::size_t used = 0;
  bool is_ended = false;
  while (used < bytes.size() && !is_ended) {
    const char c = bytes[used++];
    if (is_in_string_) {
      if (is_escaped_) {
        is_escaped_ = false;
      } else if (c == '\\') {
        is_escaped_ = true;
      } else if (c == '"') {
        is_in_string_ = false;
      }
    } else if (c == '"') {
      is_in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      is_ended = --depth_ == 0;
    }
  }
  if (!is_oversized_ && value_.size() + used > kMaxValueBytes) {
    is_oversized_ = true;
    skipped_ = value_.size();
    std::string().swap(value_);
  }
  if (is_oversized_) {
    skipped_ += used;
    is_broken_ = skipped_ > kMaxSkippedBytes;
  } else {
    value_.append(bytes.substr(0, used));
  }
  bytes.remove_prefix(used);
  if (is_broken_) return {Piece::Kind::broken};
  return is_ended ? value_ended() : Piece{};
}

JsonSplitter::Piece JsonSplitter::value_ended() {
  is_in_value_ = false;
  is_value_done_ = true;
  if (shape_ == Shape::list) {
    turn_ = Turn::comma;
    depth_ = 2;  // The envelope and its `items`.
  }
  if (is_oversized_) return {Piece::Kind::oversized};
  return {Piece::Kind::value, value_};
}

/// A byte outside of any value. False: it makes no sense.
bool JsonSplitter::take_between(char c) {
  if (shape_ == Shape::documents || stage_ == Stage::ended) return is_space(c);
  if (stage_ == Stage::items) return take_among_items(c);
  if (stage_ == Stage::begin) {
    if (is_space(c)) return true;
    if (c != '{') return false;
    stage_ = Stage::around;
  }
  return take_around(c);
}

bool JsonSplitter::take_among_items(char c) {
  if (is_space(c)) return true;
  if (c == ',' && turn_ == Turn::comma) {
    turn_ = Turn::item;
    return true;
  }
  if (c != ']' || turn_ == Turn::item) return false;
  stage_ = Stage::around;
  depth_ = 1;
  envelope_.push_back(c);
  return true;
}

bool JsonSplitter::take_around(char c) {
  if (envelope_.size() == kMaxEnvelopeBytes) return false;
  envelope_.push_back(c);
  if (is_in_string_) {
    if (!is_escaped_ && c == '"') {
      is_in_string_ = false;
    } else if (string_.size() <= kItems.size()) {
      string_.push_back(c);
    }
    is_escaped_ = !is_escaped_ && c == '\\';
    return true;
  }
  if (is_space(c)) return true;
  const bool is_items = is_items_next_;
  is_items_next_ = false;
  if (c == '"') {
    is_in_string_ = true;
    string_.clear();
  } else if (c == ':') {
    is_items_next_ = depth_ == 1 && string_ == kItems;
  } else if (c == '[' && is_items) {
    if (has_items_) return false;
    has_items_ = true;
    stage_ = Stage::items;
    turn_ = Turn::first_item;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if (c == '}' || c == ']') {
    if (--depth_ == 0) stage_ = Stage::ended;
  }
  return true;
}

}  // namespace sandgate::proxy::registry::kubernetes

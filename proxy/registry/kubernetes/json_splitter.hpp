// json_splitter: a stream of JSON, cut into the values that are wanted, while it arrives.
//
//   documents   one object after the other, as a watch sends its events
//   list        one object with an array `items`: its items one by one, and what is around them (the envelope)
//
// So one object of many is in memory at a time, however long a list is, and what it gives does not depend on how the
// bytes were cut. It finds where a value ends and no more: whether that is JSON is for who parses it to find out.
// A value that is too large is passed over and said to have been there; whatever else makes no sense is broken for good.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sandgate::proxy::registry::kubernetes {

class JsonSplitter {
 public:
  /// An object of etcd's largest, 1.5 MiB, with room for what JSON adds: a `<` is a byte there and \u003c here.
  static constexpr std::size_t kMaxValueBytes = std::size_t{12} * 1024 * 1024;
  static constexpr std::size_t kMaxEnvelopeBytes = std::size_t{64} * 1024;
  /// A value that goes on for so long never ends.
  static constexpr std::size_t kMaxSkippedBytes = std::size_t{64} * 1024 * 1024;

  enum class Shape : std::uint8_t { documents, list };
  struct Piece {
    enum class Kind : std::uint8_t { more, value, oversized, broken };
    Kind kind = Kind::more;
    std::string_view text{};  ///< Of a value; good until the next call.
  };

  explicit JsonSplitter(Shape shape) : shape_(shape) {}

  /// Takes from the front of `bytes` up to the end of the next value; call again until `more`, which takes all of it.
  Piece take(std::string_view& bytes);

  /// Nothing has begun that has not ended: between documents, or after the list.
  bool is_at_end() const { return shape_ == Shape::documents ? !is_in_value_ && !is_broken_ : stage_ == Stage::ended; }
  /// Of a list that is at its end: the object, with its items taken out.
  std::string_view envelope() const { return envelope_; }

 private:
  // Of a list:   begin -> around <-> items -> ended         (a value, in `items`, is by itself)
  enum class Stage : std::uint8_t { begin, around, items, ended };
  enum class Turn : std::uint8_t { first_item, item, comma };  ///< What may come next among items.

  Piece take_value(std::string_view& bytes);
  Piece value_ended();
  bool take_between(char c);
  bool take_around(char c);
  bool take_among_items(char c);
  void begin_value();

  Shape shape_;
  Stage stage_ = Stage::begin;
  Turn turn_ = Turn::first_item;
  bool is_in_value_ = false;
  bool is_value_done_ = false;
  bool is_oversized_ = false;
  bool is_in_string_ = false;
  bool is_escaped_ = false;
  bool is_broken_ = false;
  bool has_items_ = false;
  std::size_t depth_ = 0;  ///< Open brackets, of the value or of the envelope.
  std::size_t skipped_ = 0;
  std::string value_;
  std::string envelope_;
  std::string string_;  ///< The last string around items, at most as long as the key that is looked for.
  bool is_items_next_ = false;
};

}  // namespace sandgate::proxy::registry::kubernetes

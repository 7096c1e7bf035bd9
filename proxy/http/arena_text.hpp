// arena_text: text that is made while heads are rewritten, in the memory of the exchange.
//
// Nothing here is given back: `memory` is an arena (proxy/base/arena), and the text lives as long as it does.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory_resource>
#include <string_view>

namespace sandgate::proxy::http {

/// Collects pieces into one run of memory of a size that is known beforehand.
class ArenaText {
 public:
  ArenaText(std::pmr::memory_resource* memory, std::size_t capacity)
      : begin_(static_cast<char*>(memory->allocate(capacity, 1))) {}

  void append(std::string_view piece) { size_ += piece.copy(begin_ + size_, piece.size()); }
  std::string_view view() const { return {begin_, size_}; }

 private:
  char* begin_;
  std::size_t size_ = 0;
};

inline std::string_view concat(std::pmr::memory_resource* memory, std::initializer_list<std::string_view> pieces) {
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  ArenaText text(memory, size);
  for (const std::string_view piece : pieces) text.append(piece);
  return text.view();
}

}  // namespace sandgate::proxy::http

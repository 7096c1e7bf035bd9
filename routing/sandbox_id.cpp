#include <routing/ascii.hpp>
#include <routing/sandbox_id.hpp>

#include <cstring>
#include <random>

namespace sandgate::routing {
namespace {

using Word = std::uint64_t;
__extension__ using DoubleWord = unsigned __int128;

struct HashKey {
  Word start;
  Word multiplier;
  Word last;
};

HashKey make_hash_key() {
  std::random_device random;
  const auto word = [&random] { return (Word{random()} << 32) | random(); };
  return {word(), word() | 1, word() | 1};
}

/// The product's halves, folded: one multiplication in which every bit of both factors reaches the result.
Word fold_multiply(Word a, Word b) {
  const DoubleWord product = static_cast<DoubleWord>(a) * b;
  return static_cast<Word>(product) ^ static_cast<Word>(product >> 64);
}

}  // namespace

std::optional<SandboxId> SandboxId::parse(std::string_view text) {
  if (text.empty() || text.size() > kMaxLength) return std::nullopt;
  SandboxId id;
  for (const char c : text) {
    const char lower = to_lower(c);
    if (!is_digit(lower) && !(lower >= 'a' && lower <= 'z')) return std::nullopt;
    id.text_[id.length_++] = lower;
  }
  return id;
}

std::size_t SandboxIdHash::operator()(const SandboxId& id) const {
  static const HashKey key = make_hash_key();
  static_assert(sizeof(SandboxId) % sizeof(Word) == 0, "the last word read ends with the object");
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&id);
  const std::size_t used = 1 + id.view().size();  // The length is the first byte.
  Word hash = key.start;
  for (std::size_t at = 0; at < used; at += sizeof(Word)) {
    Word word = 0;
    std::memcpy(&word, bytes + at, sizeof word);
    hash = fold_multiply(hash ^ word, key.multiplier);
  }
  return fold_multiply(hash, key.last);
}

}  // namespace sandgate::routing

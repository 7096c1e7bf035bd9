// A second opinion on the grammar of contract 1, written as one regular expression, on authorities that are nearly
// right.
#include <routing/authority.hpp>

#include <boost/regex.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::routing {
namespace {

constexpr int kAuthorities = 50'000;
const std::vector<std::string> kDomains = {"sandbox.test", "localhost"};

struct Expected {
  std::string id;
  unsigned long port;
};

/// What the regular expression says of an authority that comes without routing headers.
std::optional<Expected> consult_oracle(const std::string& authority) {
  static const boost::regex grammar(
      R"(([1-9][0-9]{0,4})-([a-z0-9]{1,63})(?:-(?:[a-z0-9_~!$&'()*+,;=-]|%[0-9a-f]{2})*)?)"
      R"(\.(?:sandbox\.test|localhost)\.?(?::0*([0-9]{0,5}))?)",
      boost::regex::icase);
  boost::smatch match;
  if (!boost::regex_match(authority, match, grammar)) return std::nullopt;
  if (match[3].length() > 0 && std::stoul(match[3]) > 65535) return std::nullopt;
  Expected expected{match[2], std::stoul(match[1])};
  for (char& c : expected.id) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (expected.port > 65535) return std::nullopt;
  return expected;
}

class AuthorityMaker {
 public:
  std::string next() {
    std::string text = pick(kPorts) + "-" + pick(kIds) + pick(kTails) + "." + pick(kNames) + pick(kSuffixes);
    for (std::size_t left = below(3); left > 0; --left) mutate(text);
    return text;
  }

 private:
  using Choices = std::array<std::string_view, 6>;
  static constexpr Choices kPorts = {"8080", "1", "65535", "65536", "080", "99999"};
  static constexpr Choices kIds = {"abc123", "A", "isv6ril5xadwn1k9t2jye", "", "a_b", "0"};
  static constexpr Choices kTails = {"", "", "-client", "-", "-a-b", "-%2f~!"};
  static constexpr Choices kNames = {"sandbox.test", "SandBox.Test", "localhost",
                                     "sandbox.test", "example.com",  "test"};
  static constexpr Choices kSuffixes = {"", ".", ":443", ".:0", ":", ":65536"};
  static constexpr std::string_view kBytes{"08a-Z.:%2f[]@/_~ \0\n\xff", 20};

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random_); }
  std::string pick(const Choices& choices) { return std::string(choices[below(choices.size())]); }

  void mutate(std::string& text) {
    const std::size_t at = below(text.size());
    const char byte = kBytes[below(kBytes.size())];
    switch (below(3)) {
      case 0:
        text[at] = byte;
        break;
      case 1:
        text.insert(at, 1, byte);
        break;
      default:
        text.erase(at, 1);
    }
  }

  std::mt19937 random_{20261123};  // The same authorities in every run.
};

TEST_CASE("authority: random authorities are accepted exactly where a regular expression accepts them", "[routing]") {
  AuthorityMaker maker;
  int accepted = 0;
  for (int i = 0; i < kAuthorities; ++i) {
    const std::string authority = maker.next();
    const auto target = find_target(authority, {}, kDomains);
    const auto expected = consult_oracle(authority);
    const bool agree = target.has_value() == expected.has_value() &&
                       (!expected || (target->id.view() == expected->id && target->port == expected->port));
    if (!agree) FAIL("differ on " << Catch::Detail::stringify(authority));
    if (expected) ++accepted;
  }
  CHECK(accepted > kAuthorities / 20);
  CHECK(accepted < kAuthorities / 2);
}

}  // namespace
}  // namespace sandgate::routing

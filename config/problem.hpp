// problem: one thing that is wrong with a file an operator wrote, said so that the operator can mend it.
//
// A Problem has a place (file, line, column), a key path, and a text that says what is wrong and what to write instead.
// Text quoted from the file is shortened and stripped of control characters: it ends up in terminals and logs.
#pragma once

#include <string>
#include <string_view>

namespace sandgate::config {

/// A place in a text. 1-based; line 0 = the text as a whole.
struct Position {
  int line = 0;
  int column = 0;  ///< In bytes.
};

struct Problem {
  std::string file;
  int line = 0;      ///< 1-based; 0 = the file as a whole.
  int column = 0;    ///< 1-based.
  std::string key;   ///< "timeouts.client_head", "listeners[0].tls.minimum_version".
  std::string text;  ///< "must be a duration such as 10s or 250ms, not \"10\"".

  std::string to_string() const;  ///< "edge.yaml:12:3: timeouts.client_head: must be ..."
};

/// Text from a file, fit to be shown.
std::string shown(std::string_view text);
/// The same in quotes.
std::string quoted(std::string_view text);

}  // namespace sandgate::config

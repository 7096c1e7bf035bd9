// json_text: text from strangers as a JSON string that is safe to store, grep and show in a terminal.
//
// The result is always valid JSON and valid UTF-8. Besides what JSON demands (quotes, backslash, controls below 0x20),
// DEL, the C1 controls and the separators U+2028 and U+2029 are escaped: they move a terminal's cursor or end a line in
// readers that follow Unicode. A byte that is not part of valid UTF-8 becomes \u00XX with its value. Every escape is of
// that one form, so one byte grows to six at most. Pure; allocates only where `out` grows.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sandgate::proxy {

/// Whether `text` is its own escaped form.
bool is_plain_json(std::string_view text);

/// Appends `text` as a JSON string, quotes included. What stands between the quotes is at most `limit` bytes: the rest
/// of the text is left out, and neither an escape nor a character is cut in two.
void append_json_string(std::string& out, std::string_view text, std::size_t limit);

}  // namespace sandgate::proxy

// page: the edge's own answer as a page for people (contract 6).
//
// One document without any outside resource, light and dark as the reader's system is. Every text put into it is
// escaped, and its Content-Security-Policy allows nothing but its own style and script, by their hashes. The page may
// be shown in a frame: people look at sandboxes inside other tools, and there is nothing on it to be tricked into.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>

namespace sandgate::proxy::http {

struct Page {
  std::string_view title;   ///< What is wrong.
  std::string_view advice;  ///< What to do about it.
  std::uint16_t status = 0;
  std::string_view sandbox_id;  ///< Shown unless empty; so are port and path.
  std::uint16_t port = 0;
  std::string_view path;
  std::string_view reason;      ///< The failure's label.
  std::string_view request_id;  ///< What a reader gives to support.
  /// While it is in view, the page asks again every few seconds and reloads when the answer is another.
  bool watches = false;
};

void append_page(std::pmr::string& out, const Page& page);

/// The Content-Security-Policy that goes with it.
std::string_view content_security_policy(const Page& page);

}  // namespace sandgate::proxy::http

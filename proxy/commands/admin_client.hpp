// admin_client: one request to the admin API of a running edge, over TCP or a Unix socket, and its answer.
//
// Blocking, one connection a call, ten seconds for all of it. Answers are read by the same parser that reads those of
// sandboxes. Fails with AdminUnreachable, whose text names the address and what to look at.
#pragma once

#include <config/ip_address.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sandgate::proxy::commands {

struct AdminAddress {
  config::Endpoint endpoint;
  std::string token;  ///< Bearer token; empty: none is sent.
};

struct AdminCallText {
  std::string_view method;
  std::string target;  ///< Path and query, encoded.
  std::string body;    ///< JSON, or empty.
};

struct AdminAnswer {
  std::uint16_t status = 0;
  std::string body;
};

struct AdminUnreachable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

AdminAnswer call_admin(const AdminAddress& address, const AdminCallText& call);

}  // namespace sandgate::proxy::commands

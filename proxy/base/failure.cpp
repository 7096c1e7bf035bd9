#include <proxy/base/failure.hpp>

#include <stdexcept>
#include <string>

namespace sandgate::proxy {
namespace {

using F = Failure;
using B = Blame;
using R = RefusalBody;

constexpr std::array<FailureRow, kFailureCount> kTable{{
    {F::sandbox_not_found, "sandbox_not_found", B::client, 502, 0, false, R::json_sandbox, "The sandbox was not found",
     "Sandbox not found",
     "It may have ended or been paused, or the address is mistyped. Check the id, or start the sandbox again."},
    {F::port_closed, "port_closed", B::sandbox, 502, 0, false, R::json_port,
     "The sandbox is running but port is not open", "Nothing is listening on port {port}",
     "The sandbox is running, but no service has opened this port yet. Start one inside the sandbox, on 0.0.0.0 or "
     "localhost."},
    {F::sandbox_unreachable, "sandbox_unreachable", B::sandbox, 502, 0, false, R::json_port,
     "The sandbox is not reachable", "The sandbox cannot be reached",
     "It may be starting, stopping or overloaded. Try again in a moment."},
    {F::sandbox_reset, "sandbox_reset", B::sandbox, 502, 0, false, R::json_port,
     "The sandbox closed the connection before it answered", "The service hung up",
     "The service in the sandbox closed the connection without an answer. It may have crashed: look at its log."},
    {F::response_invalid, "response_invalid", B::sandbox, 502, 0, false, R::json_port,
     "The service in the sandbox sent an invalid response", "The service sent an invalid response",
     "What listens on port {port} does not answer in valid HTTP. Check that it is a web service, without TLS of its "
     "own."},
    {F::response_timeout, "response_timeout", B::sandbox, 504, 0, false, R::json_port,
     "The service in the sandbox did not answer in time", "The service did not answer in time",
     "It may be busy. Try again, or look at its log."},
    {F::record_invalid, "record_invalid", B::edge, 503, 5, false, R::json_sandbox, "The sandbox's route is not valid",
     "This sandbox's route is not valid",
     "The platform's record of this sandbox is broken. Give its operators the request id below."},
    {F::registry_unavailable, "registry_unavailable", B::edge, 503, 1, false, R::json_sandbox,
     "The sandbox could not be looked up. Try again in a moment.", "The sandbox could not be looked up",
     "The platform's registry does not answer. The sandbox itself is not affected: try again in a moment."},
    {F::token_missing, "token_missing", B::client, 403, 0, false, R::json_sandbox,
     "Sandbox is secured with traffic access token. Token header '{header}' is missing", "This sandbox is private",
     "Requests need the sandbox's traffic access token in the header {header}."},
    {F::token_invalid, "token_invalid", B::client, 403, 0, false, R::json_sandbox,
     "Sandbox is secured with traffic access token. Provided token in header '{header}' is invalid",
     "This token does not open the sandbox",
     "The token in the header {header} is not this sandbox's. Check that it is the newest one."},
    {F::too_many_connections, "too_many_connections", B::client, 429, 1, false, R::json_sandbox_limit,
     "The sandbox has too many concurrent incoming connections (limit: {limit})", "The sandbox is busy",
     "It has as many connections as it may have ({limit}). Close some, or try again in a moment."},
    {F::client_limit, "client_limit", B::client, 429, 1, true, R::json_limit,
     "Too many connections from your address (limit: {limit})", "Too many connections from your address",
     "The edge allows {limit} at a time. Close some of them, or try again in a moment."},
    {F::overloaded, "overloaded", B::edge, 503, 1, true, R::json, "The edge is at its limit. Try again in a moment.",
     "The edge is at its limit", "Too much is going on at once. Try again in a moment."},
    {F::draining, "draining", B::edge, 503, 1, true, R::json, "The edge is restarting. Try again.",
     "The edge is restarting", "It takes a moment. Try again."},
    {F::loop_detected, "loop_detected", B::client, 508, 0, false, R::json, "The request went around in a loop",
     "The request went around in a loop", "The service in the sandbox sends requests back to its own public address."},
    {F::agent_route_reserved, "agent_route_reserved", B::client, 404, 0, false, R::json_path,
     "This endpoint is reserved for the E2B control plane and is not reachable through the sandbox URL",
     "This endpoint is reserved",
     "It belongs to the control plane and is not reachable through the sandbox's address."},
    {F::bad_authority, "bad_authority", B::client, 400, 0, false, R::text, "Invalid host", "", ""},
    {F::misdirected, "misdirected", B::client, 421, 0, false, R::text, "Misdirected request", "", ""},
    {F::bad_request, "bad_request", B::client, 400, 0, true, R::text, "The request is malformed.", "", ""},
    {F::unsupported_version, "unsupported_version", B::client, 505, 0, true, R::text,
     "This version of HTTP is not supported.", "", ""},
    {F::unsupported_coding, "unsupported_coding", B::client, 501, 0, true, R::text,
     "This transfer coding is not supported.", "", ""},
    {F::bad_expectation, "bad_expectation", B::client, 417, 0, true, R::text, "This expectation cannot be met.", "",
     ""},
    {F::method_not_allowed, "method_not_allowed", B::client, 405, 0, false, R::text, "This method is not allowed.", "",
     ""},
    {F::head_too_large, "head_too_large", B::client, 431, 0, true, R::text, "The request head is too large.", "", ""},
    {F::target_too_long, "target_too_long", B::client, 414, 0, true, R::text, "The request target is too long.", "",
     ""},
    {F::head_timeout, "head_timeout", B::client, 408, 0, true, R::text, "The request head did not arrive in time.", "",
     ""},
    {F::client_closed, "client_closed", B::client, 0, 0, true, R::none, "", "", ""},
    {F::client_body_timeout, "client_body_timeout", B::client, 408, 0, true, R::text,
     "The request body did not arrive in time.", "", ""},
    {F::client_write_timeout, "client_write_timeout", B::client, 0, 0, true, R::none, "", "", ""},
    {F::stream_idle_timeout, "stream_idle_timeout", B::none, 0, 0, true, R::none, "", "", ""},
    {F::route_changed, "route_changed", B::none, 502, 0, false, R::json_sandbox, "The sandbox was not found",
     "Sandbox not found", "It ended or was replaced while it was answering."},
    {F::sandbox_truncated, "sandbox_truncated", B::sandbox, 0, 0, true, R::none, "", "", ""},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].failure) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "the rows of the failure table stand in the order of the enum");

}  // namespace

const FailureRow& row(Failure failure) { return kTable[static_cast<std::size_t>(failure)]; }

std::string_view label(Blame blame) {
  switch (blame) {
    case B::none:
      return "none";
    case B::client:
      return "client";
    case B::sandbox:
      return "sandbox";
    case B::edge:
      return "edge";
  }
  return "none";
}

void throw_exception_from_error(Failure failure, const boost::source_location& /*where*/) {
  throw std::logic_error("unexpected failure: " + std::string(label(failure)));
}

}  // namespace sandgate::proxy

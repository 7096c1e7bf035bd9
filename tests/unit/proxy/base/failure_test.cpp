#include <proxy/base/failure.hpp>

#include <catch2/catch.hpp>

#include <set>
#include <string>

namespace {

using namespace sandgate::proxy;

/// The rows of contract 6 that JSON or HTML answers, word for word.
struct ContractRow {
  Failure failure;
  std::string_view label;
  std::uint16_t status;
  std::uint8_t retry_after;
  bool closes;
  std::string_view message;
};

using F = Failure;
const ContractRow kContract[] = {
    {F::sandbox_not_found, "sandbox_not_found", 502, 0, false, "The sandbox was not found"},
    {F::port_closed, "port_closed", 502, 0, false, "The sandbox is running but port is not open"},
    {F::sandbox_unreachable, "sandbox_unreachable", 502, 0, false, "The sandbox is not reachable"},
    {F::sandbox_reset, "sandbox_reset", 502, 0, false, "The sandbox closed the connection before it answered"},
    {F::response_invalid, "response_invalid", 502, 0, false, "The service in the sandbox sent an invalid response"},
    {F::response_timeout, "response_timeout", 504, 0, false, "The service in the sandbox did not answer in time"},
    {F::record_invalid, "record_invalid", 503, 5, false, "The sandbox's route is not valid"},
    {F::registry_unavailable, "registry_unavailable", 503, 1, false,
     "The sandbox could not be looked up. Try again in a moment."},
    {F::token_missing, "token_missing", 403, 0, false,
     "Sandbox is secured with traffic access token. Token header '{header}' is missing"},
    {F::token_invalid, "token_invalid", 403, 0, false,
     "Sandbox is secured with traffic access token. Provided token in header '{header}' is invalid"},
    {F::too_many_connections, "too_many_connections", 429, 1, false,
     "The sandbox has too many concurrent incoming connections (limit: {limit})"},
    {F::client_limit, "client_limit", 429, 1, true, "Too many connections from your address (limit: {limit})"},
    {F::overloaded, "overloaded", 503, 1, true, "The edge is at its limit. Try again in a moment."},
    {F::draining, "draining", 503, 1, true, "The edge is restarting. Try again."},
    {F::loop_detected, "loop_detected", 508, 0, false, "The request went around in a loop"},
    {F::agent_route_reserved, "agent_route_reserved", 404, 0, false,
     "This endpoint is reserved for the E2B control plane and is not reachable through the sandbox URL"},
    {F::bad_authority, "bad_authority", 400, 0, false, "Invalid host"},
    {F::misdirected, "misdirected", 421, 0, false, "Misdirected request"},
    {F::bad_request, "bad_request", 400, 0, true, "The request is malformed."},
    {F::unsupported_version, "unsupported_version", 505, 0, true, "This version of HTTP is not supported."},
    {F::unsupported_coding, "unsupported_coding", 501, 0, true, "This transfer coding is not supported."},
    {F::bad_expectation, "bad_expectation", 417, 0, true, "This expectation cannot be met."},
    {F::method_not_allowed, "method_not_allowed", 405, 0, false, "This method is not allowed."},
    {F::head_too_large, "head_too_large", 431, 0, true, "The request head is too large."},
    {F::target_too_long, "target_too_long", 414, 0, true, "The request target is too long."},
    {F::head_timeout, "head_timeout", 408, 0, true, "The request head did not arrive in time."},
};

TEST_CASE("failure: labels, statuses and messages are the contract's", "[failure]") {
  for (const ContractRow& expected : kContract) {
    const FailureRow& actual = row(expected.failure);
    CAPTURE(expected.label);
    CHECK(actual.label == expected.label);
    CHECK(actual.status == expected.status);
    CHECK(actual.retry_after == expected.retry_after);
    CHECK(actual.closes == expected.closes);
    CHECK(actual.message == expected.message);
  }
}

TEST_CASE("failure: every row is found by its value and has a label of its own", "[failure]") {
  std::set<std::string> labels;
  for (std::size_t i = 0; i < kFailureCount; ++i) {
    const auto failure = static_cast<Failure>(i);
    CHECK(row(failure).failure == failure);
    CHECK_FALSE(label(failure).empty());
    labels.insert(std::string(label(failure)));
  }
  CHECK(labels.size() == kFailureCount);
}

TEST_CASE("failure: a row has a status exactly when it has an answer, and a page exactly when it has JSON",
          "[failure]") {
  for (std::size_t i = 0; i < kFailureCount; ++i) {
    const FailureRow& failure = row(static_cast<Failure>(i));
    CAPTURE(failure.label);
    CHECK((failure.status != 0) == (failure.body != RefusalBody::none));
    CHECK(failure.message.empty() == (failure.body == RefusalBody::none));
    const bool has_json = failure.body != RefusalBody::none && failure.body != RefusalBody::text;
    CHECK(failure.page_title.empty() != has_json);
    CHECK(failure.page_advice.empty() != has_json);
  }
}

TEST_CASE("failure: blame has a label for each party", "[failure]") {
  CHECK(label(Blame::none) == "none");
  CHECK(label(Blame::client) == "client");
  CHECK(label(Blame::sandbox) == "sandbox");
  CHECK(label(Blame::edge) == "edge");
}

TEST_CASE("failure: a value taken from a failed result says which failure it was", "[failure]") {
  const Result<int> failed = Failure::port_closed;
  CHECK_THROWS_WITH(failed.value(), "unexpected failure: port_closed");
}

}  // namespace

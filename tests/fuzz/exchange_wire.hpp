// exchange_wire: the bytes on both wires held against what was decided on (exchange_record): every request a sandbox got
// is one that was forwarded, whole or cut off, and nothing else; every answer a client got is the one it was given.
#pragma once

#include <tests/fuzz/exchange_said.hpp>
#include <tests/support/h2_peer.hpp>

#include <array>
#include <deque>
#include <string>
#include <string_view>

namespace sandgate::fuzz {

/// The recorded fields in their order, and then only what the hop itself needs.
inline bool has_fields(const WireFields& wire, const WireFields& recorded) {
  constexpr std::array<std::string_view, 5> kOfTheHop{"content-length", "transfer-encoding", "connection", "upgrade",
                                                      "sec-websocket-key"};
  if (wire.size() < recorded.size()) return false;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    if (i < recorded.size()) {
      if (wire[i] != recorded[i]) return false;
    } else if (std::find(kOfTheHop.begin(), kOfTheHop.end(), lower(wire[i].first)) == kOfTheHop.end()) {
      return false;
    }
  }
  return true;
}

inline bool is_same_body(const WireBody& wire, const RecordedBody& recorded, bool is_chunked) {
  if (!wire.is_whole) return recorded.bytes.starts_with(wire.bytes);
  if (!is_chunked) return wire.bytes == recorded.bytes;
  return recorded.is_whole && wire.bytes == recorded.bytes && wire.trailers == recorded.trailers;
}

// --- HTTP/1 ---------------------------------------------------------------------------------------------------------

/// The request in front of `reader` is `one`: then it is taken.
inline bool take_request(WireReader& reader, const WireHead& head, const RecordedTry& one) {
  const bool is_sent = !one.is_on_wire && head.start == one.request.start + " HTTP/1.1";
  if (!is_sent || head.fields.empty() ||
      head.fields[0] != std::pair<std::string, std::string>("Host", one.request.authority)) {
    return false;
  }
  if (!has_fields({head.fields.begin() + 1, head.fields.end()}, one.request.fields)) return false;
  WireReader attempt = reader;
  const bool is_tunnel = !one.responses.empty() && one.responses.back().start == "101";
  const WireBody body = is_tunnel ? attempt.open_body() : attempt.framed_body(head);
  const bool is_same = is_tunnel ? one.request_body.bytes.starts_with(body.bytes)
                                 : is_same_body(body, one.request_body, head.count("transfer-encoding") == 1);
  if (is_same) reader = attempt;
  return is_same;
}

/// Gives the tries that were made over the connection, in their order.
inline std::vector<const RecordedTry*> check_h1_requests(std::string_view heard,
                                                         std::deque<RecordedExchange>& exchanges) {
  WireReader reader(heard);
  std::vector<const RecordedTry*> tries;
  while (const auto head = reader.head()) {
    check(head->count("host") == 1 && head->count("x-request-id") == 1, "one Host, one id");
    bool is_known = false;
    for (RecordedExchange& exchange : exchanges) {
      for (RecordedTry& one : exchange.tries) {
        if (is_known || !take_request(reader, *head, one)) continue;
        one.is_on_wire = is_known = true;
        tries.push_back(&one);
      }
    }
    check(is_known, "what a sandbox gets is a request that was decided on");
  }
  check(reader.is_at_end(), "nothing but requests goes to a sandbox");
  return tries;
}

inline WireBody take_response_body(WireReader& reader, const WireHead& head, const std::string& status,
                                   const RecordedExchange& exchange) {
  if (status == "101") return reader.open_body();
  if (exchange.method == "HEAD" || status == "204" || status == "304") return {{}, {}, true};
  if (head.count("content-length") + head.count("transfer-encoding") > 0) return reader.framed_body(head);
  check(head.value("connection") == "close", "a body without a length ends with the connection");
  return reader.open_body();
}

/// False when the connection was cut within the answers of `exchange`.
inline bool take_answers(WireReader& reader, const RecordedExchange& exchange) {
  for (const RecordedHead& recorded : exchange.responses) {
    if (recorded.is_interim && exchange.is_http_1_0) continue;
    const auto head = reader.head();
    if (!head) return false;
    check(head->start.starts_with("HTTP/1.1 " + recorded.start + " "), "the status is the one that was given");
    check(has_fields(head->fields, recorded.fields), "so are the fields");
    if (recorded.is_interim) continue;
    const WireBody body = take_response_body(reader, *head, recorded.start, exchange);
    const bool has_none = body.is_whole && body.bytes.empty();
    const bool is_chunked = head->count("transfer-encoding") == 1 && !has_none;
    const bool is_open =
        recorded.start == "101" || head->count("content-length") + head->count("transfer-encoding") == 0;
    const bool is_same = is_open ? exchange.response_body.bytes.starts_with(body.bytes)
                                 : has_none || is_same_body(body, exchange.response_body, is_chunked);
    check(is_same, "the body is the one that was given");
    if (!body.is_whole) return false;
  }
  return true;
}

inline void check_h1_answers(std::string_view heard, const std::deque<const RecordedExchange*>& exchanges) {
  WireReader reader(heard);
  for (const RecordedExchange* exchange : exchanges) {
    if (!take_answers(reader, *exchange)) break;
  }
  check(reader.is_at_end(), "nothing but answers goes to a client");
}

// --- HTTP/2 ---------------------------------------------------------------------------------------------------------

inline std::string field_of(const proxy::tests::FieldList& head, std::string_view name) {
  for (const auto& [key, value] : head) {
    if (key == name) return value;
  }
  return {};
}

/// Every request on a connection to a sandbox that speaks h2c, and the body of its answer beside what was said there.
inline void check_h2_requests(std::string_view heard, std::string_view said, std::deque<RecordedExchange>& exchanges) {
  proxy::tests::H2Peer sandbox(proxy::h2::Codec::Role::server);
  sandbox.receive(heard);
  for (const proxy::h2::StreamId id : sandbox.ids()) {
    const proxy::tests::PeerStream& stream = sandbox.stream(id);
    if (stream.heads.size() < 2) continue;
    const std::string start = field_of(stream.heads[0], ":method") + " " + field_of(stream.heads[0], ":path");
    const std::string answer = read_said_data(said, static_cast<std::uint32_t>(id));
    bool is_known = false;
    for (RecordedExchange& exchange : exchanges) {
      for (RecordedTry& one : exchange.tries) {
        const bool is_it = !one.is_on_wire && one.request.start == start &&
                           one.request.authority == field_of(stream.heads[0], ":authority") &&
                           one.request_body.bytes.starts_with(stream.received) &&
                           answer.starts_with(one.response_body.bytes);
        if (is_known || !is_it) continue;
        check(!stream.has_ended || one.request_body.bytes == stream.received, "a whole body is all of it");
        one.is_on_wire = is_known = true;
      }
    }
    check(is_known, "what a sandbox gets was decided on, and what it said there is the answer");
  }
}

/// What came on one stream of a client is what was given to the exchange with its id.
inline void check_h2_answer(const proxy::tests::PeerStream& stream, const RecordedExchange& exchange) {
  check(!stream.was_called_after_its_end, "nothing comes after the end");
  check(stream.heads.size() <= exchange.responses.size() + 2, "no head but those that were given, and trailers");
  for (std::size_t i = 0; i + 1 < stream.heads.size() && i < exchange.responses.size(); ++i) {
    check(field_of(stream.heads[i], ":status") == exchange.responses[i].start, "the status is the one that was given");
  }
  check(exchange.response_body.bytes.starts_with(stream.received), "the body is the one that was given");
  const bool has_body = exchange.method != "HEAD";
  if (!stream.has_ended || !has_body) return;
  check(exchange.response_body.bytes == stream.received, "an end comes when everything came");
}

}  // namespace sandgate::fuzz

// Two codecs, a client's and a server's, carry out a script against each other: requests, responses, data, trailers,
// resets, credit, shutdowns, and bytes that are cut anywhere on their way. What arrives is what was sent, or a part of it
// and a reset; and once everything that can be said is said and every byte has arrived, every stream is over.
#include <tests/fuzz/h1_oracle.hpp>
#include <tests/fuzz/script.hpp>
#include <tests/support/h2_peer.hpp>

#include <cstddef>
#include <cstdint>

namespace sandgate::fuzz {
namespace {

using namespace proxy;
using namespace proxy::tests;
using h2::Codec;
using h2::ErrorCode;
using h2::StreamId;

constexpr std::size_t kMostStreams = 40;  // Fewer than resets are allowed at once.
constexpr std::size_t kMostSteps = 400;
constexpr http::BodyLength kOpenEnded{http::BodyLength::Kind::until_end};

Codec::Setting setting(Codec::Role role, Script& script) {
  Codec::Setting setting = H2Peer::setting(role);
  setting.streams = 100;
  setting.stream_window = static_cast<std::uint32_t>(1000 + script.size());
  setting.connection_window = 65'535 + static_cast<std::uint32_t>(script.size());
  setting.most_window = 200'000;
  setting.credits_connection_at_once = script.coin();
  return setting;
}

/// What one side of one stream has said and done.
struct Half {
  std::string said;
  bool has_head = false;
  bool has_ended = false;     ///< Its last part was handed over.
  bool has_trailers = false;  ///< With it.
  bool has_reset = false;
  std::size_t consumed = 0;
  std::optional<h2::Window> window;
};

class Side {
 public:
  Side(const Codec::Setting& setting) : peer(setting) { trailers_.add("x-trailer", "value"); }

  H2Peer peer;
  std::map<StreamId, Half> halves;
  std::string on_its_way;  ///< Produced, not yet received by the other.

  /// More of the body, and maybe its end.
  void say(StreamId id, Script& script) {
    Half& half = halves.at(id);
    PeerStream& stream = peer.stream(id);
    if (!half.has_head || half.has_ended || stream.over || !stream.has_said_all()) return;
    const std::size_t size = script.size();
    const std::uint8_t kind = script.next();
    half.has_ended = kind % 3 == 0;
    half.has_trailers = half.has_ended && kind % 2 == 0;
    if (size == 0 && !half.has_ended) return;
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>((half.said.size() + i) * 7 + size);
    half.said += bytes;
    stream.say(std::move(bytes), half.has_ended, half.has_trailers ? &trailers_ : nullptr);
    peer.codec.resume(id);
  }
  void reset(StreamId id, ErrorCode why) {
    halves.at(id).has_reset = true;
    peer.codec.reset(id, why);
  }
  void consume(StreamId id, std::size_t most) {
    Half& half = halves.at(id);
    const std::size_t waiting = peer.stream(id).received.size() - half.consumed;
    const std::size_t size = std::min(waiting, most);
    if (size == 0) return;
    half.consumed += size;
    if (!half.window) half.window = peer.codec.make_stream_window();
    peer.codec.consume(id, *half.window, size, size == waiting, peer.now);
  }
  void check_held() {
    for (const auto& [id, half] : halves) {
      const std::size_t held = peer.stream(id).received.size() - half.consumed;
      check(held <= 200'000 + 16'384, "what is held is bounded by the window");
      check(!peer.stream(id).was_called_after_its_end, "nothing comes after the end");
    }
  }

 private:
  http::Fields trailers_;
};

class Pair {
 public:
  Pair(Script& script) : client(setting(Codec::Role::client, script)), server(setting(Codec::Role::server, script)) {}

  Side client;
  Side server;

  void step(Script& script) {
    const std::uint8_t what = script.next();
    Side& side = (what & 0x80) != 0 ? server : client;
    switch (what % 13) {
      case 0:
        return request(script);
      case 1:
        return with_stream(side, script, [&](StreamId id) { side.say(id, script); });
      case 2:
        return with_stream(server, script, [&](StreamId id) { respond(id, script); });
      case 3:
        return with_stream(side, script, [&](StreamId id) { side.consume(id, script.size()); });
      case 4:
        return with_stream(side, script, [&](StreamId id) { maybe_reset(side, id, script); });
      case 5:
      case 6:
        side.on_its_way += side.peer.produce_block(script.size() % 16'000);
        return;
      case 7:
      case 8:
        return deliver(side, script.size());
      case 9:
        side.peer.now += std::chrono::milliseconds(script.next());
        return;
      case 10:
        return with_stream(server, script, [&](StreamId id) { interim(id); });
      case 11:
        return shut_down(script);
      default:
        settle();
    }
  }

  void deliver(Side& from, std::size_t most) {
    Side& to = &from == &client ? server : client;
    const std::string bytes = from.on_its_way.substr(0, most);
    from.on_its_way.erase(0, bytes.size());
    to.peer.receive(bytes);
    for (const StreamId id : to.peer.ids()) to.halves.try_emplace(id);
    to.check_held();
  }
  /// Everything that was said reaches the other.
  void settle() {
    do {
      for (Side* side : {&client, &server}) {
        side->on_its_way += side->peer.produce();
        deliver(*side, side->on_its_way.size());
      }
    } while (client.peer.codec.has_output() || server.peer.codec.has_output());
  }
  /// Everything that can be said is said, and everything is read.
  void finish() {
    Script ending(nullptr, 0);  // Says the end, with trailers.
    for (std::size_t round = 0; round < 10'000; ++round) {
      settle();
      bool is_quiet = true;
      for (Side* side : {&client, &server}) {
        for (auto& [id, half] : side->halves) {
          if (!half.has_head && !side->peer.stream(id).over) respond(id, ending);
          side->say(id, ending);
          side->consume(id, SIZE_MAX);
          side->peer.codec.release_held();
          is_quiet = is_quiet && side->peer.stream(id).over;
        }
      }
      if (is_quiet) return;
    }
    check(false, "every stream comes to its end");
  }
  void check_outcome() const {
    for (const auto& [id, half] : client.halves) {
      check_direction(client, server, id);
      check_direction(server, client, id);
    }
    for (const Side* side : {&client, &server}) {
      check(!side->peer.codec.exceeded(), "a lawful script exceeds nothing");
    }
  }

 private:
  template <class Do>
  void with_stream(Side& side, Script& script, Do act) {
    if (side.halves.empty()) return;
    auto at = side.halves.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(script.below(side.halves.size())));
    act(at->first);
  }

  void request(Script& script) {
    const bool takes_more = client.halves.size() < client.peer.codec.peer_streams() && !client.peer.last_of_goaway;
    if (client.halves.size() >= kMostStreams || !takes_more) return;
    const bool has_body = script.coin();
    http::RequestHead head;
    head.method = has_body ? "POST" : "GET";
    head.target = "/a?b";
    head.authority = "8080-sbx1.sandbox.test";
    head.body = has_body ? kOpenEnded : http::BodyLength{};
    const std::string value(script.size(), 'v');
    head.fields.add("x-long", value);
    const auto id = client.peer.request(head);
    check(id.has_value(), "a stream can be opened");
    Half& half = client.halves[*id];
    half.has_head = true;
    half.has_ended = !has_body;
  }
  void respond(StreamId id, Script& script) {
    Half& half = server.halves.at(id);
    if (half.has_head || server.peer.stream(id).over || server.peer.stream(id).heads.size() < 2) return;
    http::ResponseHead head;
    head.status = 200;
    head.body = kOpenEnded;
    const std::string value(script.size(), 'w');
    head.fields.add("x-long", value);
    half.has_head = true;
    half.has_ended = script.coin();
    server.peer.codec.respond(id, head, half.has_ended);
  }
  void interim(StreamId id) {
    Half& half = server.halves.at(id);
    if (half.has_head || server.peer.stream(id).over || server.peer.stream(id).heads.size() < 2) return;
    http::ResponseHead head;
    head.status = 103;
    server.peer.codec.interim(id, head);
  }
  static void maybe_reset(Side& side, StreamId id, Script& script) {
    const ErrorCode code = script.coin() ? ErrorCode::cancel : ErrorCode::internal_error;
    if (!side.peer.stream(id).over && !side.halves.at(id).has_reset) side.reset(id, code);
  }
  void shut_down(Script& script) {
    if (script.next() % 8 != 0) return;
    if (is_announced_) {
      server.peer.codec.shut_down();
    } else {
      server.peer.codec.announce_shutdown();
    }
    is_announced_ = true;
  }

  /// What `from` said of the stream, and what of it came to `to`.
  static void check_direction(const Side& from, const Side& to, StreamId id) {
    if (!from.peer.has(id) || !to.peer.has(id)) return;
    const Half& half = from.halves.at(id);
    const PeerStream& arrived = const_cast<H2Peer&>(to.peer).stream(id);
    check(std::string_view(half.said).starts_with(arrived.received), "what arrives is what was sent");
    const bool is_cut = half.has_reset || to.halves.at(id).has_reset;
    if (arrived.has_ended) {
      check(arrived.received == half.said, "an end comes when everything came");
      const FieldList& last = arrived.heads.at(arrived.heads.size() - 2);
      const bool has_trailers = !last.empty() && last.front().first == "x-trailer";
      check(has_trailers == half.has_trailers, "trailers come with the end");
    } else {
      const bool is_refused = arrived.over == ErrorCode::refused_stream;
      check(is_cut || is_refused, "what is not whole was cut off by somebody");
    }
  }

  bool is_announced_ = false;
};

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  Script script(data, size);
  Pair pair(script);
  for (std::size_t steps = 0; !script.is_over() && steps < kMostSteps; ++steps) pair.step(script);
  pair.finish();
  pair.check_outcome();
  return 0;
}

// Any bytes, in any pieces, to a codec in either role, with handlers that answer as the input says. Nothing is told of a
// stream after its end; no more is handed over than the windows allow and one frame; what is written is whole frames,
// and not much more of them than was read; who used up an allowance is told GOAWAY as the last word, and heard no more.
//
// An input is six bytes of choices, then what the peer sends: as it is, or behind the handshake of a lawful one.
#include <tests/fuzz/h1_oracle.hpp>
#include <tests/fuzz/script.hpp>
#include <tests/support/h2_peer.hpp>

#include <cstddef>
#include <cstdint>
#include <map>

namespace sandgate::fuzz {
namespace {

using namespace proxy;
using namespace proxy::tests;
using h2::Codec;
using h2::ErrorCode;
using h2::StreamId;

constexpr std::uint32_t kStreamWindow = 2'000;
constexpr std::uint32_t kMostWindow = 70'000;  // Of the connection from the start, of a stream that is read at the end.
constexpr std::size_t kFrame = 16'384;
constexpr std::size_t kBodyBytes = 3'000;
constexpr int kRequests = 3;

/// What the input decides before the bytes.
struct Choices {
  explicit Choices(Script& script) {
    const std::uint8_t first = script.next();
    role = (first & 1) != 0 ? Codec::Role::client : Codec::Role::server;
    is_greeted = (first & 2) != 0;
    credits_at_once = (first & 4) != 0;
    consumes = (first & 8) != 0;
    drops = (first & 16) != 0;
    produces_late = (first & 32) != 0;
    answers = script.next();
    refuses_every = script.next() % 8;
    step = 1 + script.next();
    step += script.coin() ? 4096U : 0U;
    milliseconds = script.next();
  }
  Codec::Role role;
  bool is_greeted;
  bool credits_at_once;
  bool consumes;
  bool drops;
  bool produces_late;
  std::uint8_t answers;  ///< Two bits a stream, in turns: head only, with a body, with trailers, a reset.
  std::size_t refuses_every;
  std::size_t step;
  std::uint8_t milliseconds;  ///< That pass with every piece.
};

class Machine {
 public:
  explicit Machine(const Choices& choices) : choices_(choices), peer_(setting(choices)) {
    trailers_.add("x-trailer", "value");
    if (choices.role == Codec::Role::client) request();
    take_output();
  }

  void receive(std::string_view bytes) {
    const bool was_over = peer_.codec.exceeded().has_value();
    peer_.log.clear();
    peer_.refuses = choices_.refuses_every > 0 && ++pieces_ % choices_.refuses_every == 0;
    peer_.now += std::chrono::milliseconds(choices_.milliseconds);
    peer_.receive(bytes);
    received_ += bytes.size();
    check(!was_over || peer_.log.empty(), "who used up an allowance is heard no more");
    if (!peer_.log.empty()) {
      check_held();
      for (const StreamId id : peer_.ids()) act(id);
    }
    if (!choices_.produces_late) take_output();
  }

  void finish() {
    for (const StreamId id : peer_.ids()) act(id);
    take_output();
    check_held();
    const auto frames = read_frames(without_preface(written_));
    check(frames.has_value(), "what is written is whole frames");
    // An answer to each of the smallest frames, a reset or a head for each stream, and the bodies.
    const std::size_t most = 2'000 + 12 * received_ + said_;
    check(written_.size() <= most, "not much more is written than was read");
    if (peer_.codec.exceeded()) check_farewell(*frames);
    check(!peer_.codec.has_output(), "everything is written");
  }

 private:
  static Codec::Setting setting(const Choices& choices) {
    Codec::Setting setting = H2Peer::setting(choices.role);
    setting.stream_window = kStreamWindow;
    setting.connection_window = kMostWindow;
    setting.most_window = kMostWindow;
    setting.credits_connection_at_once = choices.credits_at_once;
    return setting;
  }
  static std::string_view without_preface(std::string_view bytes) {
    return bytes.starts_with(kPreface) ? bytes.substr(kPreface.size()) : bytes;
  }
  static void check_farewell(const std::vector<Frame>& frames) {
    check(!frames.empty() && frames.back().type == FrameType::goaway, "the last word is GOAWAY");
    // Or what was wrong before it, if that was still to be said.
    const auto code = read_number(std::string_view(frames.back().payload).substr(4, 4));
    check(code != static_cast<std::uint32_t>(ErrorCode::no_error), "it says why");
  }

  void request() {
    for (int i = 0; i < kRequests; ++i) {
      http::RequestHead head;
      head.method = i == 0 ? "HEAD" : "POST";
      head.target = "/";
      head.authority = "a.test";
      if (i > 0) head.body = {http::BodyLength::Kind::until_end};
      const auto id = peer_.request(head);
      if (id && i > 0) say(*id, i > 1);
    }
  }
  void say(StreamId id, bool has_trailers) {
    said_ += kBodyBytes + 200;
    peer_.stream(id).say(std::string(kBodyBytes, 'x'), true, has_trailers ? &trailers_ : nullptr);
    peer_.codec.resume(id);
  }

  /// What the owner of a stream does after every piece.
  void act(StreamId id) {
    PeerStream& stream = peer_.stream(id);
    if (choices_.role == Codec::Role::server && !is_answered_[id] && stream.heads.size() > 1) answer(id);
    const std::size_t held = stream.received.size() - consumed_[id];
    if (choices_.consumes && held > 0) {
      consumed_[id] += held;
      const auto window = windows_.try_emplace(id, peer_.codec.make_stream_window()).first;
      peer_.codec.consume(id, window->second, held, true, peer_.now);
    }
    if (choices_.drops && stream.over) drop(id);
  }
  void answer(StreamId id) {
    is_answered_[id] = true;
    const int what = choices_.answers >> (id % 8 / 2 * 2) & 3;
    if (what == 3) return peer_.codec.reset(id, ErrorCode::cancel);
    http::ResponseHead early;
    early.status = 103;
    peer_.codec.interim(id, early);
    http::ResponseHead head;
    head.status = 200;
    peer_.codec.respond(id, head, what == 0);
    said_ += 200;
    if (what > 0) say(id, what == 2);
  }
  void drop(StreamId id) {
    const std::size_t held = peer_.stream(id).received.size() - consumed_[id];
    peer_.codec.discard_unread(held);
    consumed_[id] += held;
    check_calls(id);
    peer_.drop(id);
  }

  void take_output() { written_ += peer_.produce(); }
  void check_calls(StreamId id) { check(!peer_.stream(id).was_called_after_its_end, "nothing comes after the end"); }
  void check_held() {
    std::size_t all = 0;
    for (const StreamId id : peer_.ids()) {
      check_calls(id);
      const std::size_t held = peer_.stream(id).received.size() - consumed_[id];
      // A peer that has not acknowledged our window has the one of RFC 9113 6.9.2.
      const bool is_small = choices_.is_greeted && !choices_.consumes;
      check(held <= (is_small ? kStreamWindow : kMostWindow) + kFrame,
            "no more is held than a stream's window and a frame");
      all += held;
    }
    check(choices_.credits_at_once || all <= kMostWindow + kFrame, "nor than the connection's");
  }

  Choices choices_;
  H2Peer peer_;
  http::Fields trailers_;
  std::map<StreamId, bool> is_answered_;
  std::map<StreamId, std::size_t> consumed_;
  std::map<StreamId, h2::Window> windows_;
  std::string written_;
  std::size_t pieces_ = 0;
  std::size_t received_ = 0;
  std::size_t said_ = 0;
};

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  Script script(data, size);
  const Choices choices(script);
  std::string bytes;
  if (choices.is_greeted) {
    if (choices.role == Codec::Role::server) bytes += kPreface;
    bytes += settings() + settings_ack();
  }
  bytes += script.rest();
  Machine machine(choices);
  for (std::size_t at = 0; at < bytes.size(); at += choices.step) {
    machine.receive(std::string_view(bytes).substr(at, choices.step));
  }
  machine.finish();
  return 0;
}

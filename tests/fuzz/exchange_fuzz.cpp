// Whole exchanges: the fuzzer is a client and the sandboxes at once, around a real session, `serve`, the pool and the
// upstreams (exchange_edge). However the two play together, what a sandbox is sent is exactly the requests that were
// decided on, as a reader of its own understands them; what a client is sent is the answers it was given; every exchange
// has one end; and another client, whose sandbox is honest, is answered throughout (hardening 1.1 to 1.3, "invariants").
//
// An input is a byte of circumstances (1: an HTTP/2 client, 5: one in frames of its own; 2 more: an h2c sandbox), then
// steps between the marks fe fe: a letter that says what is done, and what it is done with (`Play::act`).
#include <tests/fuzz/exchange_edge.hpp>
#include <tests/fuzz/exchange_said.hpp>
#include <tests/fuzz/exchange_wire.hpp>
#include <tests/fuzz/script.hpp>

#include <cstddef>
#include <cstdint>

namespace sandgate::fuzz {
namespace {

using namespace proxy;
using namespace std::chrono_literals;

constexpr std::string_view kMark("\xfe\xfe");
constexpr std::string_view kCanary = "thecanary";
constexpr std::size_t kMostSteps = 64;

/// A client whose requests are numbered, and its sandbox; both keep to the letter.
class Canary {
 public:
  Canary(EdgeInMemory& edge, tests::SocketPair pair)
      : edge_(edge), end_(std::move(pair.theirs)), port_(edge.accept(Protocol::h1, std::move(pair.ours))) {
    edge.net.honest = *config::IpAddress::parse("10.9.9.9");
    edge.put(kCanary, R"({"address":"10.9.9.9"})");
  }

  void ask() {
    end_.say("GET /" + std::to_string(++asked_) + " HTTP/1.1\r\nHost: 8080-thecanary.sandbox.test\r\n\r\n");
  }
  void move() {
    end_.move();
    for (SandboxEnd& sandbox : edge_.net.ends) {
      if (sandbox.address == edge_.net.honest) answer(sandbox.end);
    }
  }
  bool is_answered() const { return asked_ == count_answers(); }
  void leave() {
    check_answers();
    end_.close();
  }
  EdgeInMemory::ClientPort& port() { return *port_; }

 private:
  static std::string body(std::size_t number) { return "canary " + std::to_string(number); }

  void answer(RawEnd& sandbox) {
    const std::size_t end = sandbox.heard.find("\r\n\r\n");
    if (end == std::string::npos) return;
    ++answered_;
    check(sandbox.heard.starts_with("GET /" + std::to_string(answered_) + " HTTP/1.1\r\n"), "the canary's own request");
    sandbox.heard.erase(0, end + 4);
    const std::string text = body(answered_);
    sandbox.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text);
  }
  std::size_t count_answers() const { return split(end_.heard, body(0).substr(0, 7)).size() - 1; }
  void check_answers() const {
    WireReader reader(end_.heard);
    for (std::size_t number = 1; number <= asked_; ++number) {
      const auto head = reader.head();
      check(head && head->start == "HTTP/1.1 200 OK", "the canary is answered");
      check(reader.framed_body(*head).bytes == body(number), "and gets its own answer");
    }
    check(reader.is_at_end(), "and nothing else");
  }

  EdgeInMemory& edge_;
  RawEnd end_;
  std::unique_ptr<EdgeInMemory::ClientPort> port_;
  std::size_t asked_ = 0;
  std::size_t answered_ = 0;
};

h2::Codec::Setting client_setting() { return tests::H2Peer::setting(h2::Codec::Role::client); }

/// Type, flags, stream, payload.
std::string frame_of(std::string_view text) {
  if (text.size() < 3) return {};
  const auto number = [text](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  return tests::frame(static_cast<tests::FrameType>(number(0)), number(1), number(2), text.substr(3));
}

/// Flags, stream, and lines of `name:value`, as HEADERS.
std::string headers_of(std::string_view text) {
  if (text.size() < 2) return {};
  tests::FieldList fields;
  for (const std::string& line : split(text.substr(2), "\n")) {
    const std::size_t colon = line.find(':', 1);
    if (colon != std::string::npos) fields.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
  return tests::headers(static_cast<std::uint8_t>(text[1]), fields, static_cast<std::uint8_t>(text[0]));
}

/// The client under the fuzzer's control: HTTP/1 in raw bytes, HTTP/2 with a lawful codec for requests, or in frames.
class Attacker {
 public:
  enum class Kind : std::uint8_t { h1, h2, frames };

  Attacker(EdgeInMemory& edge, Kind kind, tests::SocketPair pair)
      : kind_(kind),
        h1_(kind == Kind::h1 ? std::move(pair.theirs) : UniqueFd()),
        h2_(client_setting(), kind == Kind::h1 ? UniqueFd() : std::move(pair.theirs)),
        port_(edge.accept(kind == Kind::h1 ? Protocol::h1 : Protocol::h2, std::move(pair.ours))) {
    h2_.is_raw = kind == Kind::frames;
    if (h2_.is_raw) h2_.send_raw(std::string(tests::kPreface) + tests::settings());
  }

  EdgeInMemory::ClientPort& port() { return *port_; }
  void say(std::string_view bytes) {
    if (kind_ == Kind::h1) h1_.say(bytes);
    if (kind_ == Kind::frames) h2_.send_raw(bytes);
  }
  /// Method, path and field lines, each ending in a newline; behind an empty line, the body.
  void request(std::string_view text) {
    if (kind_ != Kind::h2 || tags_.size() >= 20) return;
    const std::size_t blank = std::min(text.find("\n\n"), text.size());
    const std::vector<std::string> lines = split(text.substr(0, blank), "\n");
    if (lines.size() < 2) return;
    const std::string tag = "s" + std::to_string(tags_.size());
    http::RequestHead head;
    head.method = lines[0];
    head.target = lines[1];
    head.authority = "8080-sbx1.sandbox.test";
    head.fields.add("x-request-id", tag);
    for (std::size_t i = 2; i < lines.size(); ++i) {
      const std::size_t colon = lines[i].find(':');
      if (colon == std::string::npos || lines[i].starts_with("x-request-id")) continue;
      const std::string_view line = lines[i];
      head.fields.add(line.substr(0, colon), line.substr(colon + 1));
    }
    const bool has_body = blank + 2 <= text.size();
    if (has_body) head.body = {http::BodyLength::Kind::until_end};
    const auto id = h2_.peer.request(head);
    if (!id) return;
    tags_[*id] = tag;
    if (has_body) say_more(*id, text.substr(blank + 2));
  }
  /// More of the body of the newest request; its last byte is odd when that is all.
  void more(std::string_view text) {
    if (!tags_.empty()) say_more(tags_.rbegin()->first, text);
  }
  void cancel() {
    if (!tags_.empty()) h2_.peer.codec.reset(tags_.rbegin()->first, h2::ErrorCode::cancel);
  }
  void move() {
    h1_.move();
    h2_.move();
    port_->close_when_over();
  }
  void pause(bool is_paused) { h1_.reads = h2_.reads = !is_paused; }
  void half_close() { h1_.half_close(); }
  void close() {
    h1_.close();
    h2_.close();
  }
  void check_answers(const std::deque<RecordedExchange>& exchanges) {
    for (const tests::Frame& frame : h2_.frames) {
      check(frame.payload.size() <= 16'384 && frame.stream % 2 == (frame.stream > 0 ? 1 : 0), "a server's frame");
    }
    if (kind_ == Kind::h1) {
      check_h1_answers(h1_.heard, own_exchanges(exchanges));
      check_said_requests(h1_.said, own_exchanges(exchanges));
      return;
    }
    for (const auto& [id, tag] : tags_) {
      for (const RecordedExchange& exchange : exchanges) {
        if (!has_tag(exchange, tag)) continue;
        check_h2_answer(h2_.peer.stream(id), exchange);
        for (const RecordedTry& one : exchange.tries) {
          check(bodies_[id].starts_with(one.request_body.bytes), "what is forwarded was said on its own stream");
        }
      }
    }
  }

 private:
  void say_more(h2::StreamId id, std::string_view text) {
    tests::PeerStream& stream = h2_.peer.stream(id);
    if (stream.over || !stream.has_said_all()) return;
    bodies_[id] += text;
    stream.say(std::string(text), !text.empty() && (text.back() & 1) != 0);
    h2_.peer.codec.resume(id);
  }
  static bool has_tag(const RecordedExchange& exchange, const std::string& tag) {
    const std::pair<std::string, std::string> field("x-request-id", tag);
    const WireFields& fields = exchange.request.fields;
    return std::find(fields.begin(), fields.end(), field) != fields.end();
  }
  static std::deque<const RecordedExchange*> own_exchanges(const std::deque<RecordedExchange>& exchanges) {
    std::deque<const RecordedExchange*> own;
    for (const RecordedExchange& exchange : exchanges) {
      if (exchange.request.authority.find(kCanary) == std::string::npos) own.push_back(&exchange);
    }
    return own;
  }

  Kind kind_;
  RawEnd h1_;
  tests::H2Wire h2_;
  std::unique_ptr<EdgeInMemory::ClientPort> port_;
  std::map<h2::StreamId, std::string> tags_;
  std::map<h2::StreamId, std::string> bodies_;  ///< As far as they were said.
};

class Play {
 public:
  explicit Play(std::uint8_t circumstances)
      : is_h2c_((circumstances & 2) != 0),
        client_(edge_, kind_of(circumstances), tests::make_socket_pair()),
        canary_(edge_, tests::make_socket_pair()) {
    edge_.put("sbx1",
              is_h2c_ ? R"({"address":"10.0.0.1","ports":{"8080":{"protocol":"h2c"}}})" : R"({"address":"10.0.0.1"})");
    edge_.put("sbx2", R"({"address":"10.0.0.2","allow_public_traffic":false,"traffic_access_token":"t",)"
                      R"("mask_request_host":"localhost:${PORT}"})");
  }

  void act(std::string_view step) {
    if (step.empty()) return turn(1);
    const std::string_view rest = step.substr(1);
    switch (step.front()) {
      case 'c':
        client_.say(rest);
        break;
      case 'r':
        client_.request(rest);
        break;
      case 'g':
        client_.say(frame_of(rest));
        break;
      case 'k':
        client_.say(headers_of(rest));
        break;
      case 'd':
        client_.more(rest);
        break;
      case 'x':
        client_.cancel();
        break;
      case 's':
        return with_sandbox(rest, [](RawEnd& sandbox, std::string_view bytes) { sandbox.say(bytes); });
      case 'f':
        return with_sandbox(rest, [](RawEnd& sandbox, std::string_view text) { sandbox.say(frame_of(text)); });
      case 'h':
        return with_sandbox(rest, [](RawEnd& sandbox, std::string_view text) { sandbox.say(headers_of(text)); });
      case 'E':
        return with_sandbox(rest, [](RawEnd& sandbox, std::string_view) { sandbox.close(); });
      case 'F':
        return with_sandbox(rest, [](RawEnd& sandbox, std::string_view) { sandbox.half_close(); });
      case 'P':
        return with_sandbox(rest, [](RawEnd& sandbox, std::string_view) { sandbox.reads = !sandbox.reads; });
      case 'p':
        client_.pause(rest.empty());
        break;
      case 'e':
        client_.half_close();
        break;
      case 'q':
        client_.close();
        break;
      case 'n':
        edge_.net.is_closed = !rest.empty();
        break;
      case '!':
        canary_.ask();
        break;
      default:
        break;
    }
    turn(2);
  }

  void finish() {
    turn(5);
    canary_.ask();
    check(run_until([this] { return canary_.is_answered(); }), "another client is served");
    edge_.net.is_closed = true;
    for (SandboxEnd& sandbox : edge_.net.ends) sandbox.end.close();
    turn(10);
    client_.pause(false);
    client_.half_close();
    turn(20);
    client_.close();
    canary_.leave();
    const auto is_over = [this] { return client_.port().is_over() && canary_.port().is_over(); };
    check(run_until(is_over), "every session comes to its end");
  }
  void check_outcome() {
    check(edge_.metrics.active_exchanges.value() == 0 && edge_.metrics.active_tunnels.value() == 0, "nothing is open");
    for (const RecordedExchange& exchange : edge_.exchanges) check_exchange(exchange);
    client_.check_answers(edge_.exchanges);
    for (const SandboxEnd& sandbox : edge_.net.ends) {
      if (sandbox.address == edge_.net.honest) continue;
      if (sandbox.end.heard.starts_with(tests::kPreface)) {
        check_h2_requests(sandbox.end.heard, sandbox.end.said, edge_.exchanges);
      } else {
        check_said_answers(sandbox.end.said, check_h1_requests(sandbox.end.heard, edge_.exchanges));
      }
    }
  }

 private:
  /// The newest connection to a sandbox, or the one so many before it.
  template <class Do>
  void with_sandbox(std::string_view rest, Do act) {
    std::vector<SandboxEnd*> own;
    for (SandboxEnd& sandbox : edge_.net.ends) {
      if (sandbox.end.is_open() && !(sandbox.address == edge_.net.honest)) own.push_back(&sandbox);
    }
    if (!own.empty() && !rest.empty()) {
      const auto back = static_cast<std::size_t>(static_cast<std::uint8_t>(rest.front()) & 3);
      act(own[own.size() - 1 - std::min(back, own.size() - 1)]->end, rest.substr(1));
    }
    turn(2);
  }
  static Attacker::Kind kind_of(std::uint8_t circumstances) {
    if ((circumstances & 1) == 0) return Attacker::Kind::h1;
    return (circumstances & 4) == 0 ? Attacker::Kind::h2 : Attacker::Kind::frames;
  }
  void move() {
    client_.move();
    canary_.move();
    for (SandboxEnd& sandbox : edge_.net.ends) sandbox.end.move();
    canary_.port().close_when_over();
  }
  void turn(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      move();
      edge_.run_once(0ms);
    }
    move();
  }
  template <class IsDone>
  bool run_until(IsDone is_done) {
    for (int round = 0; round < 3'000; ++round) {
      move();
      if (is_done()) return true;
      edge_.run_once(round < 20 ? 0ms : 1ms);
    }
    return false;
  }

  EdgeInMemory edge_;
  bool is_h2c_;
  Attacker client_;
  Canary canary_;
};

}  // namespace
}  // namespace sandgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandgate::fuzz;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty() || lower(input).find(kCanary) != std::string::npos) return 0;
  Play play(data[0]);
  std::size_t steps = 0;
  for (const std::string& step : split(input.substr(1), kMark)) {
    if (++steps > kMostSteps) break;
    play.act(step);
  }
  play.finish();
  play.check_outcome();
  return 0;
}

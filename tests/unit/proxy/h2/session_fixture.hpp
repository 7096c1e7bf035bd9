// session_fixture: an HTTP/2 session on one end of a socket pair, a client's codec at the other, and exchanges that do
// what the path of their request says:
//
//   /hello        200 and "hello"
//   /bytes?N      200 and N bytes, in parts of 10 000
//   /echo         200 and the request's body, its trailers too
//   /abort?N      200, five bytes, then an abort with failure number N
//   /early        200 at once, whatever comes of the body
//   /nothing      returns without an answer
//   /tunnel       101, then an echo; /tunnel?N: 101, then an abort with failure number N
//   /status?N     that status and "hello"
//   /wait         200 and "hello" once the test lets it go; gone with its client
#pragma once

#include <proxy/h2/session.hpp>
#include <tests/support/h2_wire.hpp>

#include <catch2/catch.hpp>

#include <charconv>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::proxy::h2 {

/// What became of one exchange.
struct ExchangeRecord {
  std::string method;
  std::string target;
  std::optional<Failure> parse_failure;
  std::string body;
  std::optional<Failure> failure;  ///< What a read or a write failed with.
  bool was_client_gone = false;
  bool is_over = false;
};

class Scripted final : public ExchangeHandler {
 public:
  Scripted(Loop& loop) : loop_(loop) {}

  std::deque<ExchangeRecord> served;
  std::size_t waiting = 0;
  std::size_t most_at_once = 0;

  void let_go() {
    for (Waiting* one : std::exchange(waiting_, {})) one->go.set();
  }

  Task<void> handle(Exchange& exchange) override {
    ExchangeRecord& record = served.emplace_back();
    record.method = exchange.request().method;
    record.target = exchange.request().target;
    record.parse_failure = exchange.parse_failure();
    most_at_once = std::max(most_at_once, ++at_once_);
    const Result<void> result = co_await answer(exchange, record);
    if (result.has_error()) record.failure = result.error();
    record.is_over = true;
    --at_once_;
  }

 private:
  class Waiting final : public Runnable {
   public:
    explicit Waiting(Loop& loop) : Runnable(&gone), go(loop) {}
    Signal go;
    bool is_gone = false;

   private:
    static void gone(Runnable& self) {
      static_cast<Waiting&>(self).is_gone = true;
      static_cast<Waiting&>(self).go.set();
    }
  };

  static std::size_t number_of(std::string_view target) {
    const std::string_view digits = target.substr(target.find('?') + 1);
    std::size_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
  }

  static std::uint16_t status_for(std::string_view target) {
    if (target.starts_with("/tunnel")) return 101;
    return target.starts_with("/status") ? static_cast<std::uint16_t>(number_of(target)) : std::uint16_t{200};
  }

  static Task<Result<void>> begin(Exchange& exchange, std::uint16_t status) {
    http::ResponseHead head(exchange.memory());
    head.status = status;
    head.body = {http::BodyLength::Kind::until_end};
    if (status == 101) head.fields.add("Sec-WebSocket-Accept", "the edge's own");
    co_return co_await exchange.send_head(head, Flush::with_next);
  }
  static Task<Result<void>> say(Exchange& exchange, std::string_view bytes, bool is_last) {
    const Part part{bytes, nullptr, is_last};
    co_return co_await exchange.response().write(part);
  }

  Task<Result<void>> answer(Exchange& exchange, ExchangeRecord& record) {
    const std::string_view target = exchange.request().target;
    if (record.parse_failure) {
      const Result<void> begun = co_await begin(exchange, 400);
      if (begun.has_error()) co_return begun;
      co_return co_await say(exchange, "refused", true);
    }
    if (target == "/nothing") co_return Result<void>{};
    if (target == "/wait") {
      const Result<void> waited = co_await wait(exchange, record);
      if (waited.has_error()) co_return waited;
    }
    const Result<void> begun = co_await begin(exchange, status_for(target));
    if (begun.has_error()) co_return begun;
    if (target == "/echo" || target == "/tunnel") co_return co_await echo(exchange, record);
    if (target.starts_with("/bytes")) co_return co_await give(exchange, number_of(target));
    if (target.starts_with("/abort") || target.starts_with("/tunnel?")) {
      const Result<void> said = co_await say(exchange, "begun", false);
      exchange.abort(static_cast<Failure>(number_of(target)));
      co_return said;
    }
    co_return co_await say(exchange, "hello", true);
  }

  Task<Result<void>> wait(Exchange& exchange, ExchangeRecord& record) {
    Waiting waited(loop_);
    waiting_.push_back(&waited);
    ++waiting;
    exchange.on_gone(&waited);
    co_await waited.go.wait();
    exchange.on_gone(nullptr);
    --waiting;
    std::erase(waiting_, &waited);
    record.was_client_gone = waited.is_gone;
    if (waited.is_gone) co_return Failure::client_closed;
    co_return Result<void>{};
  }

  static Task<Result<void>> echo(Exchange& exchange, ExchangeRecord& record) {
    for (;;) {
      const Result<Part> part = co_await exchange.body().read();
      if (part.has_error()) co_return part.error();
      record.body.append(part->bytes);
      const Result<void> written = co_await exchange.response().write(*part);
      if (written.has_error() || part->is_last) co_return written;
    }
  }

  static Task<Result<void>> give(Exchange& exchange, std::size_t size) {
    const std::string bytes(10'000, 'x');
    while (size > bytes.size()) {
      const Result<void> said = co_await say(exchange, bytes, false);
      if (said.has_error()) co_return said;
      size -= bytes.size();
    }
    co_return co_await say(exchange, std::string_view(bytes).substr(0, size), true);
  }

  Loop& loop_;
  std::vector<Waiting*> waiting_;
  std::size_t at_once_ = 0;
};

class Serving {
 public:
  explicit Serving(config::Config with = config::default_config(),
                   Codec::Setting of_client = tests::H2Peer::setting(Codec::Role::client))
      : Serving(std::make_shared<const config::Config>(std::move(with)), of_client, tests::make_socket_pair()) {}
  ~Serving() {
    client.close();
    CHECK(run_until([this] { return is_over; }));
  }

  Loop loop;
  BufferPool buffers;
  Metrics metrics;
  Scripted handler{loop};
  std::shared_ptr<const config::Config> config;
  DrainPhase drain = DrainPhase::serving;
  tests::H2Wire client;
  bool is_over = false;

  void start(std::optional<Failure> refusal = std::nullopt) { run(refusal); }
  Session& session() { return session_; }

  StreamId get(std::string_view path) { return request("GET", path, {}); }
  StreamId request(std::string_view method, std::string_view path, http::BodyLength body) {
    http::RequestHead head;
    head.method = method;
    head.target = path;
    head.authority = "8080-sbx1.sandbox.test";
    head.body = body;
    return client.peer.request(head).value();
  }
  tests::PeerStream& stream(StreamId id) { return client.peer.stream(id); }
  bool is_answered(StreamId id) { return stream(id).over.has_value(); }
  std::uint64_t limit(LimitLabel label) { return metrics.limit(label).value(); }

  template <class IsDone>
  bool run_until(IsDone is_done) {
    return tests::run_until(
        loop, [this] { client.move(); }, is_done);
  }
  bool run_until_answered(const std::vector<StreamId>& ids) {
    return run_until([&] { return std::all_of(ids.begin(), ids.end(), [&](StreamId id) { return is_answered(id); }); });
  }
  void turn(int rounds = 5) {
    for (int i = 0; i < rounds; ++i) {
      client.move();
      loop.run_once(std::chrono::milliseconds(0));
    }
  }

 private:
  Serving(std::shared_ptr<const config::Config> with, const Codec::Setting& of_client, tests::SocketPair pair)
      : config(std::move(with)),
        client(of_client, std::move(pair.theirs)),
        transport_(loop, buffers, std::move(pair.ours)),
        session_(host_, info_, transport_) {}

  Detached run(std::optional<Failure> refusal) {
    co_await session_.run(refusal, after(loop.now(), config->timeouts.client_head));
    is_over = true;
  }

  ClientInfo info_;
  SessionHost host_{loop, buffers, metrics, handler, config, drain};
  net::Transport transport_;
  Session session_;
};

}  // namespace sandgate::proxy::h2

// h2_links_fixture: the links of a worker, over socket pairs whose other ends are sandboxes' codecs; dials end when a
// test says so.
#pragma once

#include <proxy/upstream/h2_links.hpp>
#include <proxy/upstream/h2_upstream.hpp>
#include <tests/support/h2_wire.hpp>

#include <deque>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

namespace sandgate::proxy::upstream {

class FakeDialler final : public H2Links::Dialler, private Connection::Owner {
 public:
  FakeDialler(Loop& loop, BufferPool& buffers) : loop_(loop), buffers_(buffers) {}

  std::size_t dials = 0;
  std::size_t discarded = 0;
  std::deque<tests::H2Wire> sandboxes;
  h2::Codec::Setting sandbox_setting = tests::H2Peer::setting(h2::Codec::Role::server);

  std::size_t dialling() const { return pending_.size(); }
  /// The dial that began first ends.
  void succeed() { finish({}); }
  void fail(Failure why) { finish(why); }
  /// It ends with a connection whose sandbox has closed it already.
  void succeed_closed() {
    is_closed_ = true;
    finish({});
  }
  void move() {
    for (tests::H2Wire& sandbox : sandboxes) sandbox.move();
  }

  Task<Result<std::unique_ptr<Connection>>> dial_new(const Destination& destination, Attempt& attempt) override {
    ++dials;
    Pending pending{Signal(loop_), {}};
    pending_.push_back(&pending);
    attempt.wait_on(&pending.done);  // As abandoning a dial ends it.
    co_await pending.done.wait();
    attempt.wait_on(nullptr);
    std::erase(pending_, &pending);
    if (attempt.is_abandoned()) co_return Failure::client_closed;
    if (pending.failure) co_return *pending.failure;
    co_return connect(destination);
  }
  void discard(std::unique_ptr<Connection> connection) override {
    ++discarded;
    connection.reset();
  }

 private:
  struct Pending {
    Signal done;
    std::optional<Failure> failure;
  };

  void finish(std::optional<Failure> failure) {
    Pending& first = *pending_.front();
    pending_.erase(pending_.begin());
    first.failure = failure;
    first.done.set();
  }
  std::unique_ptr<Connection> connect(const Destination& destination) {
    tests::SocketPair pair = tests::make_socket_pair();
    if (is_closed_) {
      pair.theirs.reset();
    } else {
      sandboxes.emplace_back(sandbox_setting, std::move(pair.theirs));
    }
    Connection::Owner& owner = *this;
    auto connection = std::make_unique<Connection>(loop_, buffers_, std::move(pair.ours), owner);
    shelves_.push_back(std::make_unique<PoolShelf>());
    shelves_.back()->key = PoolKey::of(destination);
    shelves_.back()->endpoint_text = "10.0.0.7:8080";
    connection->shelf = shelves_.back().get();
    return connection;
  }
  void idle_ended(Connection& /*connection*/) override {}

  Loop& loop_;
  BufferPool& buffers_;
  std::vector<Pending*> pending_;
  std::vector<std::unique_ptr<PoolShelf>> shelves_;
  bool is_closed_ = false;
};

/// Somebody who wants a stream.
struct Caller {
  Attempt attempt;
  std::pmr::monotonic_buffer_resource memory;
  std::optional<Failure> failure;
  std::unique_ptr<H2Upstream> upstream;
  H2Link* link = nullptr;
  std::optional<Result<void>> head_read;  ///< Once `ask` has its answer.
  http::ResponseHead head{&memory};

  bool is_done() const { return failure.has_value() || upstream; }
};

class Links {
 public:
  Links() {
    destination.route = route("one");
    destination.sandbox_port = 8080;
    destination.protocol = routing::UpstreamProtocol::h2c;
  }
  ~Links() {  // Nobody is left waiting.
    while (dialler.dialling() > 0) {
      dialler.fail(Failure::port_closed);
      turn();
    }
    for (Caller& caller : callers) {
      if (caller.upstream) caller.upstream->abort();
    }
    turn();
    callers.clear();
  }

  static routing::RoutePtr route(const char* generation) {
    routing::Route made;
    made.id = *routing::SandboxId::parse("sbx1");
    made.address = *config::IpAddress::parse("10.0.0.7");
    made.generation = generation;
    return std::make_shared<const routing::Route>(std::move(made));
  }

  Loop loop;
  BufferPool buffers;
  Metrics metrics;
  std::shared_ptr<const config::Config> config = std::make_shared<const config::Config>(config::default_config());
  FakeDialler dialler{loop, buffers};
  H2Links links{loop, {buffers, metrics, config}, dialler};
  Destination destination;
  std::deque<Caller> callers;

  Caller& open(Reuse reuse = Reuse::allowed) {
    Caller& caller = callers.emplace_back();
    run_open(destination, reuse, caller);
    return caller;
  }
  /// A GET on its stream, with so much in its head, until the answer's head is here.
  void ask(Caller& caller, std::size_t head_bytes = 0) { run_ask(caller, head_bytes); }
  /// The head behind an interim one.
  void read_next(Caller& caller) { run_read(caller); }

  template <class IsDone>
  bool run_until(IsDone is_done) {
    return tests::run_until(
        loop, [this] { dialler.move(); }, is_done);
  }
  bool run_until_all_done() {
    return run_until([this] {
      return std::all_of(callers.begin(), callers.end(), [](const Caller& caller) { return caller.is_done(); });
    });
  }
  /// Some rounds, for what should not happen in them.
  void turn(int rounds = 5) {
    for (int i = 0; i < rounds; ++i) {
      dialler.move();
      loop.run_once(std::chrono::milliseconds(0));
    }
  }

 private:
  Detached run_open(Destination to, Reuse reuse, Caller& caller) {
    const Result<H2Link*> opened = co_await links.open(to, reuse, caller.attempt);
    if (opened.has_error()) {
      caller.failure = opened.error();
    } else {
      caller.link = *opened;
      caller.upstream = std::make_unique<H2Upstream>(**opened, config, &caller.memory);
    }
  }
  static Detached run_ask(Caller& caller, std::size_t head_bytes) {
    http::RequestHead head(&caller.memory);
    const std::string large(head_bytes, '~');
    if (!large.empty()) head.fields.add("x-large", large);
    head.method = "GET";
    head.target = "/";
    head.authority = "a.test";
    const Result<void> sent = co_await caller.upstream->send_head(head, Flush::now);
    if (sent.has_error()) {
      caller.head_read = sent;
    } else {
      caller.head_read = co_await caller.upstream->read_head(caller.head);
    }
  }
  static Detached run_read(Caller& caller) {
    caller.head_read.reset();
    caller.head_read = co_await caller.upstream->read_head(caller.head);
  }
};

}  // namespace sandgate::proxy::upstream

// exchange_record: what was decided on while an exchange was served: the request a client made, what was handed to the
// sandboxes' side for it, what was read from there, and what was handed to the client. Recorded by standing between
// `serve` and both sides; the bytes on the wire are then held against it.
#pragma once

#include <proxy/exchange.hpp>
#include <proxy/upstream/upstream.hpp>
#include <tests/fuzz/wire_reader.hpp>

#include <deque>
#include <memory>
#include <string>
#include <utility>

namespace sandgate::fuzz {

struct RecordedBody {
  std::string bytes;
  WireFields trailers;
  bool is_whole = false;

  void add(const proxy::Part& part) {
    bytes.append(part.bytes);
    is_whole = part.is_last;
    if (part.trailers == nullptr) return;
    for (const auto& [name, value] : *part.trailers) trailers.emplace_back(name, value);
  }
};

struct RecordedHead {
  std::string start;  ///< "GET /", or a status.
  std::string authority;
  WireFields fields;
  bool is_interim = false;

  static RecordedHead of(const proxy::http::RequestHead& head) {
    RecordedHead made{std::string(head.method) + " " + std::string(head.target), std::string(head.authority), {}};
    for (const auto& [name, value] : head.fields) made.fields.emplace_back(name, value);
    return made;
  }
  static RecordedHead of(const proxy::http::ResponseHead& head) {
    RecordedHead made{std::to_string(head.status), {}, {}, head.is_interim()};
    for (const auto& [name, value] : head.fields) made.fields.emplace_back(name, value);
    return made;
  }
};

/// One request that was handed over, and what came for it.
struct RecordedTry {
  RecordedHead request;
  RecordedBody request_body;
  std::vector<RecordedHead> responses;
  RecordedBody response_body;
  bool is_on_wire = false;  ///< Found among the bytes a sandbox got.
};

struct RecordedExchange {
  RecordedHead request;
  std::string method;
  bool is_http_1_0 = false;
  bool is_refused = false;  ///< Its head was not one that may be served.
  std::deque<RecordedTry> tries;
  std::vector<RecordedHead> responses;
  RecordedBody response_body;
  bool was_aborted = false;
  bool is_over = false;

  std::size_t finals() const {
    return static_cast<std::size_t>(
        std::count_if(responses.begin(), responses.end(), [](const auto& head) { return !head.is_interim; }));
  }
};

class RecordingSink final : public proxy::BodySink {
 public:
  RecordingSink(proxy::BodySink& sink, RecordedBody& body) : sink_(sink), body_(body) {}
  proxy::Task<proxy::Result<void>> write(proxy::Part part) override {
    body_.add(part);  // Before: what is cut off while it is written may be on its way.
    co_return co_await sink_.write(part);
  }

 private:
  proxy::BodySink& sink_;
  RecordedBody& body_;
};

class RecordingSource final : public proxy::BodySource {
 public:
  RecordingSource(proxy::BodySource& source, RecordedBody& body) : source_(source), body_(body) {}
  proxy::Task<proxy::Result<proxy::Part>> read() override {
    auto part = co_await source_.read();
    if (part.has_value()) body_.add(*part);
    co_return part;
  }
  bool is_ready() const override { return source_.is_ready(); }

 private:
  proxy::BodySource& source_;
  RecordedBody& body_;
};

/// A sandbox's side that is written down.
class RecordingUpstream final : public proxy::upstream::Upstream {
 public:
  RecordingUpstream(proxy::upstream::UpstreamPtr inner, RecordedTry& record)
      : inner_(std::move(inner)),
        record_(record),
        sink_(inner_->body(), record.request_body),
        source_(inner_->response(), record.response_body) {}

  proxy::Task<proxy::Result<void>> send_head(const proxy::http::RequestHead& head, proxy::Flush flush) override {
    record_.request = RecordedHead::of(head);
    record_.request_body.is_whole = head.body.kind == proxy::http::BodyLength::Kind::none;
    co_return co_await inner_->send_head(head, flush);
  }
  proxy::BodySink& body() override { return sink_; }
  proxy::Task<proxy::Result<void>> read_head(proxy::http::ResponseHead& head) override {
    const auto read = co_await inner_->read_head(head);
    if (read.has_value()) record_.responses.push_back(RecordedHead::of(head));
    co_return read;
  }
  bool is_untouched() const override { return inner_->is_untouched(); }
  proxy::BodySource& response() override { return source_; }
  bool is_reused() const override { return inner_->is_reused(); }
  std::string_view endpoint_text() const override { return inner_->endpoint_text(); }
  void abort() override { inner_->abort(); }

 private:
  proxy::upstream::UpstreamPtr inner_;
  RecordedTry& record_;
  RecordingSink sink_;
  RecordingSource source_;
};

/// A client's side that is written down.
class RecordingClient final : public proxy::Exchange {
 public:
  RecordingClient(proxy::Exchange& inner, RecordedExchange& record)
      : inner_(inner), record_(record), sink_(inner.response(), record.response_body) {
    record.request = RecordedHead::of(inner.request());
    record.method = std::string(inner.request().method);
    record.is_http_1_0 = inner.request().version == proxy::http::Version::http_1_0;
    record.is_refused = inner.parse_failure().has_value();
  }

  const proxy::ClientInfo& client() const override { return inner_.client(); }
  const proxy::http::RequestHead& request() const override { return inner_.request(); }
  std::optional<proxy::Failure> parse_failure() const override { return inner_.parse_failure(); }
  bool is_host_covered(std::string_view host) const override { return inner_.is_host_covered(host); }
  proxy::TimePoint started_at() const override { return inner_.started_at(); }
  std::pmr::memory_resource* memory() override { return inner_.memory(); }
  proxy::BodySource& body() override { return inner_.body(); }
  bool is_body_touched() const override { return inner_.is_body_touched(); }
  proxy::Task<proxy::Result<void>> send_head(const proxy::http::ResponseHead& head, proxy::Flush flush) override {
    record_.responses.push_back(RecordedHead::of(head));
    check(record_.finals() <= 1, "one answer to a request");
    co_return co_await inner_.send_head(head, flush);
  }
  bool is_head_sent() const override { return inner_.is_head_sent(); }
  proxy::BodySink& response() override { return sink_; }
  void close_after() override { inner_.close_after(); }
  void cancel_body() override { inner_.cancel_body(); }
  void abort(proxy::Failure why) override {
    record_.was_aborted = true;
    inner_.abort(why);
  }
  void on_gone(proxy::Runnable* runnable) override { inner_.on_gone(runnable); }

 private:
  proxy::Exchange& inner_;
  RecordedExchange& record_;
  RecordingSink sink_;
};

/// What a client was given of one exchange is what its own sandbox said, or the edge's own words.
inline void check_exchange(const RecordedExchange& exchange) {
  check(exchange.is_over, "every exchange comes to its end");
  check(exchange.tries.empty() || !exchange.is_refused, "what is refused goes nowhere");
  check(exchange.tries.size() <= 2, "a request is made once, and once more at most");
  for (const RecordedTry& one : exchange.tries) {
    const bool is_sent = !one.request.start.empty();
    check(!is_sent || one.request.start == exchange.request.start, "what is forwarded is what was asked");
  }
  const auto is_own = [](const RecordedHead& head) {
    return std::any_of(head.fields.begin(), head.fields.end(),
                       [](const auto& field) { return lower(field.first) == "x-sandgate-reason"; });
  };
  if (exchange.responses.empty() || is_own(exchange.responses.back())) return;
  check(!exchange.tries.empty(), "an answer is a sandbox's or the edge's");
  const RecordedTry& last = exchange.tries.back();
  check(last.response_body.bytes.starts_with(exchange.response_body.bytes), "the body is that of its own sandbox");
  const bool is_whole = exchange.response_body.is_whole;
  check(!is_whole || last.response_body.is_whole, "nothing is made whole that was not");
  check(!is_whole || exchange.response_body.bytes == last.response_body.bytes, "a whole body is all of it");
}

}  // namespace sandgate::fuzz

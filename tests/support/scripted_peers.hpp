// scripted_peers: a client and a sandbox in memory, so that everything between a request and its log line can be tested
// without a socket. Nothing waits: every read and write completes at once, or fails as scripted.
#pragma once

#include <proxy/exchange.hpp>
#include <proxy/upstream/upstream.hpp>

#include <deque>
#include <functional>
#include <memory_resource>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sandgate::proxy::tests {

/// Gives what it was filled with, then its end.
class ScriptedSource final : public BodySource {
 public:
  std::deque<Result<std::string>> parts;
  bool is_touched = false;

  Task<Result<Part>> read() override {
    is_touched = true;
    if (parts.empty()) co_return Part{{}, nullptr, true};
    const Result<std::string> next = parts.front();
    parts.pop_front();
    if (next.has_error()) co_return next.error();
    current_ = *next;
    co_return Part{current_, nullptr, parts.empty()};
  }
  bool is_ready() const override { return true; }

 private:
  std::string current_;
};

/// Remembers what was written.
class RecordingSink final : public BodySink {
 public:
  std::string bytes;
  bool is_finished = false;
  std::optional<Failure> fails_with;

  Task<Result<void>> write(Part part) override {
    if (fails_with) co_return *fails_with;
    bytes.append(part.bytes);
    is_finished = part.is_last;
    co_return Result<void>{};
  }
};

/// A head as it was handed over, copied.
struct SentHead {
  std::uint16_t status = 0;
  std::vector<std::pair<std::string, std::string>> fields;

  std::string value(std::string_view name) const {
    for (const auto& [field, value] : fields) {
      if (http::equal_ignoring_case(field, name)) return value;
    }
    return {};
  }
};

class ScriptedClient final : public Exchange {
 public:
  ScriptedClient() {
    request_.method = "GET";
    request_.target = "/";
    request_.authority = "8080-sbx1.sandbox.test";
    info.address_text = "203.0.113.7";
    info.listener_port = 443;
    info.is_tls = true;
  }

  ClientInfo info;
  std::optional<Failure> refused_with;
  bool is_covered = true;
  ScriptedSource source;
  RecordingSink sink;
  std::vector<SentHead> heads;
  bool was_aborted = false;
  bool will_close = false;

  http::RequestHead& head() { return request_; }

  const ClientInfo& client() const override { return info; }
  const http::RequestHead& request() const override { return request_; }
  std::optional<Failure> parse_failure() const override { return refused_with; }
  bool is_host_covered(std::string_view) const override { return is_covered; }
  TimePoint started_at() const override { return {}; }
  std::pmr::memory_resource* memory() override { return &memory_; }
  BodySource& body() override { return source; }
  bool is_body_touched() const override { return source.is_touched; }
  Task<Result<void>> send_head(const http::ResponseHead& head, Flush) override {
    SentHead sent;
    sent.status = head.status;
    for (const http::Field& field : head.fields) sent.fields.emplace_back(field.name, field.value);
    heads.push_back(std::move(sent));
    is_final_sent_ = !head.is_interim();
    co_return Result<void>{};
  }
  bool is_head_sent() const override { return is_final_sent_; }
  BodySink& response() override { return sink; }
  void close_after() override { will_close = true; }
  void cancel_body() override {}
  void abort(Failure) override { was_aborted = true; }
  void on_gone(Runnable*) override {}

 private:
  std::pmr::monotonic_buffer_resource memory_;
  http::RequestHead request_;
  bool is_final_sent_ = false;
};

/// What a sandbox does with one exchange. `on_request` may change the world before the answer comes.
struct SandboxScript {
  std::vector<std::uint16_t> statuses{200};  ///< Interim ones, then the final one.
  std::optional<Failure> head_fails_with;
  std::deque<Result<std::string>> body;
  bool is_reused = false;
  bool has_answered = false;  ///< Some byte of a response came before it failed.
  std::function<void()> on_request;
};

class ScriptedUpstream final : public upstream::Upstream {
 public:
  ScriptedUpstream(SandboxScript script, std::vector<SentHead>& requests, RecordingSink& received)
      : script_(std::move(script)), requests_(requests), received_(received) {
    source_.parts = script_.body;
  }

  Task<Result<void>> send_head(const http::RequestHead& head, Flush) override {
    SentHead sent;
    sent.fields.emplace_back("host", head.authority);
    for (const http::Field& field : head.fields) sent.fields.emplace_back(field.name, field.value);
    requests_.push_back(std::move(sent));
    if (script_.on_request) script_.on_request();
    co_return Result<void>{};
  }
  BodySink& body() override { return received_; }
  Task<Result<void>> read_head(http::ResponseHead& head) override {
    if (was_aborted_) co_return Failure::sandbox_reset;
    if (script_.head_fails_with) co_return *script_.head_fails_with;
    head.status = script_.statuses.front();
    script_.statuses.erase(script_.statuses.begin());
    if (!head.is_interim()) head.body = {http::BodyLength::Kind::until_end, 0};
    co_return Result<void>{};
  }
  bool is_untouched() const override { return !script_.has_answered; }
  BodySource& response() override { return source_; }
  bool is_reused() const override { return script_.is_reused; }
  std::string_view endpoint_text() const override { return "10.0.0.7:8080"; }
  void abort() override { was_aborted_ = true; }

 private:
  SandboxScript script_;
  std::vector<SentHead>& requests_;
  RecordingSink& received_;
  ScriptedSource source_;
  bool was_aborted_ = false;
};

/// Every call of `open` takes the next script, or the next failure.
class ScriptedOpener final : public upstream::Opener {
 public:
  std::deque<Result<SandboxScript>> scripts;
  std::vector<SentHead> requests;
  RecordingSink received;
  std::vector<upstream::Reuse> asked;
  std::function<void()> on_open;

  Task<Result<upstream::UpstreamPtr>> open(const upstream::Destination&, upstream::Reuse reuse, upstream::Attempt&,
                                           std::pmr::memory_resource* memory) override {
    asked.push_back(reuse);
    if (on_open) on_open();
    const Result<SandboxScript> next = scripts.front();
    scripts.pop_front();
    if (next.has_error()) co_return next.error();
    void* place = memory->allocate(sizeof(ScriptedUpstream), alignof(ScriptedUpstream));
    co_return upstream::UpstreamPtr(new (place) ScriptedUpstream(*next, requests, received));
  }
};

}  // namespace sandgate::proxy::tests

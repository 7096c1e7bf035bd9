// memory_edge: one exchange through `serve` between a client and a sandbox in memory: both heads are parsed from bytes
// and both are written as bytes, the route is looked up, access checked, the line formatted; only sockets, TLS and the
// kernel are left out. What is measured is the edge's own work on a small request.
#pragma once

#include <proxy/access_log.hpp>
#include <proxy/base/arena.hpp>
#include <proxy/base/fork.hpp>
#include <proxy/h1/message_writer.hpp>
#include <proxy/http/h1_head.hpp>
#include <proxy/http/h1_write.hpp>
#include <proxy/registry/registry.hpp>
#include <proxy/serve.hpp>

#include <memory>
#include <stdexcept>
#include <string_view>

namespace sandgate::proxy::bench {

inline constexpr std::string_view kRequest =
    "GET /api/v1/files?path=/notes/today.txt&full=true HTTP/1.1\r\n"
    "Host: 8080-sbx1.sandbox.test\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36\r\n"
    "Accept: application/json, text/plain, */*\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef\r\n"
    "e2b-traffic-access-token: secret\r\n"
    "Connection: keep-alive\r\n\r\n";
inline constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Wed, 25 Nov 2026 09:00:00 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 15\r\n"
    "Cache-Control: no-store\r\n"
    "Connection: keep-alive\r\n\r\n";
inline constexpr std::string_view kBody = R"({"status":"ok"})";
inline constexpr std::string_view kRecord =
    R"({"address":"10.0.0.7","execution_id":"one","allow_public_traffic":false,"traffic_access_token":"secret",)"
    R"("mask_request_host":"localhost:${PORT}"})";

/// One part, the whole content.
class OnePart final : public BodySource {
 public:
  explicit OnePart(std::string_view bytes) : bytes_(bytes) {}
  Task<Result<Part>> read() override { co_return Part{bytes_, nullptr, true}; }
  bool is_ready() const override { return true; }

 private:
  std::string_view bytes_;
};

/// Takes everything and keeps nothing.
class Nowhere final : public BodySink {
 public:
  Task<Result<void>> write(Part part) override {
    size += part.bytes.size();
    co_return Result<void>{};
  }
  std::size_t size = 0;
};

class MemoryUpstream final : public upstream::Upstream {
 public:
  explicit MemoryUpstream(BufferPool& buffers) : text_(buffers) {}

  Task<Result<void>> send_head(const http::RequestHead& head, Flush) override {
    http::write_request_line(text_, head.method, head.target);
    http::write_field(text_, "Host", head.authority);
    http::write_fields(text_, head.fields);
    text_.append("\r\n");
    co_return Result<void>{};
  }
  BodySink& body() override { return nowhere_; }
  Task<Result<void>> read_head(http::ResponseHead& head) override {
    if (http::find_head_end(kResponse, 0).state != http::HeadEnd::State::complete) co_return Failure::response_invalid;
    co_return http::parse_response(kResponse, {65536, 200, 0}, {}, head);
  }
  bool is_untouched() const override { return false; }
  BodySource& response() override { return source_; }
  bool is_reused() const override { return true; }
  std::string_view endpoint_text() const override { return "10.0.0.7:8080"; }
  void abort() override {}

 private:
  h1::HeadText text_;
  Nowhere nowhere_;
  OnePart source_{kBody};
};

class MemoryClient final : public Exchange {
 public:
  MemoryClient(BufferPool& buffers, const ClientInfo& info, TimePoint now)
      : info_(info), started_at_(now), arena_(buffers), request_(arena_.memory()), text_(buffers) {
    request_.fields.reserve(32);
    const bool is_whole = http::find_head_end(kRequest, 0).state == http::HeadEnd::State::complete;
    if (!is_whole || http::parse_request(kRequest, {65536, 128, 16384}, request_).has_error())
      throw std::logic_error("the request does not parse");
  }
  std::size_t response_size() const { return text_.view().size() + nowhere_.size; }

  const ClientInfo& client() const override { return info_; }
  const http::RequestHead& request() const override { return request_; }
  std::optional<Failure> parse_failure() const override { return std::nullopt; }
  bool is_host_covered(std::string_view) const override { return true; }
  TimePoint started_at() const override { return started_at_; }
  std::pmr::memory_resource* memory() override { return arena_.memory(); }
  BodySource& body() override { return source_; }
  bool is_body_touched() const override { return false; }
  Task<Result<void>> send_head(const http::ResponseHead& head, Flush) override {
    http::write_status_line(text_, head.status, head.reason);
    http::write_fields(text_, head.fields);
    http::write_framing(text_, head.body);
    text_.append("\r\n");
    status = head.status;
    co_return Result<void>{};
  }
  bool is_head_sent() const override { return status != 0; }
  BodySink& response() override { return nowhere_; }
  void close_after() override {}
  void cancel_body() override {}
  void abort(Failure) override {}
  void on_gone(Runnable*) override {}

  std::uint16_t status = 0;

 private:
  const ClientInfo& info_;
  TimePoint started_at_;
  Arena arena_;
  http::RequestHead request_;
  h1::HeadText text_;
  OnePart source_{{}};
  Nowhere nowhere_;
};

class MemoryEdge final : private upstream::Opener {
 public:
  MemoryEdge() {
    registry_.put(*routing::SandboxId::parse("sbx1"), kRecord);
    registry_.mark_loaded();
    info_.address_text = "203.0.113.7";
    info_.tls_version = "TLSv1.3";
    info_.listener_port = 443;
    info_.is_tls = true;
  }

  /// Gives the size of what the client got; throws when it is not a 200.
  std::size_t exchange() {
    MemoryClient client(buffers_, info_, loop_.now());
    run(environment_, client);
    if (client.status != 200) throw std::logic_error("not answered with 200");
    return client.response_size();
  }

 private:
  static Detached run(const ServeEnvironment& environment, MemoryClient& client) {
    co_await serve(environment, client);
  }
  Task<Result<upstream::UpstreamPtr>> open(const upstream::Destination&, upstream::Reuse, upstream::Attempt&,
                                           std::pmr::memory_resource* memory) override {
    void* place = memory->allocate(sizeof(MemoryUpstream), alignof(MemoryUpstream));
    co_return upstream::UpstreamPtr(new (place) MemoryUpstream(buffers_));
  }
  static std::shared_ptr<const config::Config> make_config() {
    config::Config config = config::default_config();
    config.domains = {"sandbox.test"};
    return std::make_shared<const config::Config>(std::move(config));
  }

  Loop loop_;
  BufferPool buffers_;
  Metrics metrics_;
  AccessLog log_{"/dev/null"};
  std::unique_ptr<AccessLogWriter> log_writer_ = log_.make_writer();
  registry::Registry registry_;
  LiveExchanges live_;
  std::shared_ptr<const config::Config> config_ = make_config();
  DrainPhase drain_ = DrainPhase::serving;
  std::mt19937_64 random_;
  ClientInfo info_;
  ServeEnvironment environment_{loop_, metrics_, log_writer_.get(), registry_, *this, live_, config_, drain_, random_};
};

}  // namespace sandgate::proxy::bench

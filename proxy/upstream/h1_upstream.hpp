// h1_upstream: one exchange over an HTTP/1.1 connection to a sandbox.
//
// The sandbox is hostile: its heads are parsed as strictly as requests, its 1xx are counted, and a connection is given
// back only when both messages ended exactly where they said, nothing came after them, and nobody said close.
#pragma once

#include <config/config.hpp>
#include <proxy/h1/message_reader.hpp>
#include <proxy/h1/message_writer.hpp>
#include <proxy/http/websocket.hpp>
#include <proxy/upstream/connection.hpp>
#include <proxy/upstream/upstream.hpp>

#include <memory>
#include <memory_resource>
#include <optional>

namespace sandgate::proxy::upstream {

class Pool;

class H1Upstream final : public Upstream, private BodySource {
 public:
  struct Setting {
    Pool& pool;
    BufferPool& buffers;
    std::shared_ptr<const config::Config> config;
  };

  H1Upstream(std::unique_ptr<Connection> connection, const Setting& setting, std::pmr::memory_resource* memory);
  ~H1Upstream() override;

  Task<Result<void>> send_head(const http::RequestHead& head, Flush flush) override;
  BodySink& body() override { return writer_; }
  Task<Result<void>> read_head(http::ResponseHead& head) override;
  bool is_untouched() const override { return !has_received_; }
  BodySource& response() override { return *this; }
  bool is_reused() const override { return connection_->exchanges > 1; }
  std::string_view endpoint_text() const override { return connection_->shelf->endpoint_text; }
  void stop_sending() override { connection_->transport.finish_writing(); }
  void abort() override;

 private:
  // RFC 9110 15.2 sets no bound on interim responses; these are hardening R-1XX's.
  static constexpr int kMaxInterim = 16;
  static constexpr std::size_t kMaxInterimBytes = 16 * 1024;

  Task<Result<Part>> read() override;
  bool is_ready() const override { return reader_.is_body_ready(); }

  void write_framing(const http::RequestHead& head);
  void write_connection_fields(const http::RequestHead& head);
  bool is_switch_valid(const http::ResponseHead& head) const;
  bool count_interim(std::size_t bytes);
  void note_keep_alive(const http::ResponseHead& head);
  bool is_reusable() const;

  std::unique_ptr<Connection> connection_;
  Setting setting_;
  h1::MessageReader reader_;
  h1::MessageWriter writer_;
  http::Fields trailers_;
  bool is_head_request_ = false;
  std::string_view upgrade_;
  std::optional<http::WebSocketKey> websocket_key_;  ///< The edge's own: the client spoke HTTP/2.
  int interim_count_ = 0;
  std::size_t interim_bytes_ = 0;
  bool has_received_ = false;
  bool is_final_read_ = false;
  std::chrono::milliseconds idle_for_{0};  ///< How long it may rest after this exchange; 0: it may not.
};

}  // namespace sandgate::proxy::upstream

// h2_upstream: one exchange as a stream of an HTTP/2 connection to a sandbox.
//
// The sandbox is hostile here too: its heads are judged as strictly as an HTTP/1 service's, its interim responses are
// counted, and what ends the stream before the response is whole is a failure, whatever code it carries.
#pragma once

#include <config/config.hpp>
#include <proxy/h2/stream.hpp>
#include <proxy/http/h2_head.hpp>
#include <proxy/upstream/h2_link.hpp>
#include <proxy/upstream/upstream.hpp>

#include <list>
#include <memory>
#include <memory_resource>
#include <optional>

namespace sandgate::proxy::upstream {

class H2Upstream final : public Upstream, private h2::Stream, private LinkedStream {
 public:
  H2Upstream(H2Link& link, std::shared_ptr<const config::Config> config, std::pmr::memory_resource* memory);
  ~H2Upstream() override;

  Task<Result<void>> send_head(const http::RequestHead& head, Flush flush) override;
  BodySink& body() override { return *this; }
  Task<Result<void>> read_head(http::ResponseHead& head) override;
  bool is_untouched() const override { return !has_received_; }
  BodySource& response() override { return *this; }
  bool is_reused() const override { return is_reused_; }
  std::string_view endpoint_text() const override { return link_.endpoint_text(); }
  void abort() override;

 private:
  void lost(h2::ErrorCode why) override { closed(why); }
  Task<Result<Part>> read() override;
  void take_field(std::string_view name, std::string_view value) override;
  bool take_head_end(bool is_last) override;
  void broken(h2::ErrorCode why) override;
  bool count_interim();

  H2Link& link_;
  std::shared_ptr<const config::Config> config_;
  std::pmr::memory_resource* memory_;
  std::pmr::list<http::ResponseHead> heads_;      ///< Whole ones that were not read, and the one that is coming in.
  std::optional<http::H2ResponseReader> reader_;  ///< Of the one that is coming in.
  http::Fields passed_trailers_;
  Signal head_ready_;
  bool is_head_request_ = false;
  bool is_reused_;
  bool has_received_ = false;
  bool is_invalid_ = false;
  std::size_t head_bytes_ = 0;  ///< Of the one that is coming in.
  int interim_count_ = 0;
  std::size_t interim_bytes_ = 0;
};

}  // namespace sandgate::proxy::upstream

// session: the life of one HTTP/2 client connection.
//
//   preface ──▶ serving: each stream an exchange of its own ──▶ GOAWAY (more may come) ──▶ GOAWAY (last) ──▶ closed
//                  │ nothing for client_idle, or an answer that ends the connection ─────────▲
//                  └ a limit used up: GOAWAY(ENHANCE_YOUR_CALM), every stream ended ──▶ closed
//
// A stream is served as soon as its head is whole; up to streams_per_connection at once, those that were reset but
// still unwind included. A drain, and exchanges_per_connection, end a connection in two steps (RFC 9113 6.8), so that
// no request that was on its way is lost.
#pragma once

#include <proxy/active_mark.hpp>
#include <proxy/base/calling.hpp>
#include <proxy/base/fork.hpp>
#include <proxy/base/signal.hpp>
#include <proxy/exchange.hpp>
#include <proxy/h2/client_stream.hpp>
#include <proxy/h2/connection.hpp>
#include <proxy/session_host.hpp>

#include <boost/intrusive/list.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace sandgate::proxy::h2 {

class Session final : public ClientSession, private Connection::Owner {
 public:
  Session(SessionHost& host, const ClientInfo& client, net::Transport& transport);

  /// Until the connection is to be closed. `refusal` answers the first request, and ends it (a limit was hit); the
  /// client's preface is whole by `preface_by`.
  Task<void> run(std::optional<Failure> refusal, TimePoint preface_by);
  void drain() override;
  bool end_if_idle() override;

 private:
  enum class Phase : std::uint8_t { serving, announced, ending };

  StreamHandler* opened(StreamId id) override;
  void going_away(StreamId /*last*/) override {}
  void received() override;
  void lost(ErrorCode why) override;

  void begin();
  void start(std::unique_ptr<ClientStream> stream);
  Detached serve(std::unique_ptr<ClientStream>& given);
  void served();
  void watch_opening();
  void rest();
  void end();
  void abort() { connection_.abort(); }

  SessionHost& host_;
  const ClientInfo& client_;
  net::Transport& transport_;
  Connection connection_;
  std::optional<Failure> refusal_;
  std::vector<std::unique_ptr<ClientStream>> opening_;  ///< Not begun yet.
  boost::intrusive::list<ClientStream, boost::intrusive::constant_time_size<false>> streams_;
  std::size_t stream_count_ = 0;  ///< Of both.
  std::uint32_t exchanges_ = 0;
  bool has_begun_ = false;  ///< The preface came.
  Phase phase_ = Phase::serving;
  std::optional<ActiveMark> active_;
  CallOnTime<&Session::end> idle_{*this};
  CallOnTime<&Session::abort> opening_late_{*this};
  CallOnTime<&Session::end> last_call_{*this};
  /// A stream that was opening has ended, outside of `receive`: it is to be served as malformed.
  CallSoon<&Session::begin> cut_off_{*this};
  Signal all_served_;
};

}  // namespace sandgate::proxy::h2

// h2_peer: one side of an HTTP/2 connection in memory: a Codec, and handlers that write down what they are told.
//
// The log has a line for each event: "1 field :method GET", "1 head", "1 head last", "1 data 5", "1 data end",
// "1 closed 0", "1 sent 5", "goaway 7". Nothing is consumed unless a test says so.
#pragma once

#include <proxy/base/buffer_pool.hpp>
#include <proxy/h2/codec.hpp>
#include <proxy/http/head.hpp>
#include <tests/support/h2_frames.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::tests {

class PeerStream final : public h2::StreamHandler {
 public:
  PeerStream(const h2::StreamId& id, std::vector<std::string>& log) : id_(id), log_(log) {}

  std::vector<FieldList> heads{1};  ///< Those that are whole, and the one that comes in.
  std::string received;
  bool has_ended = false;
  std::optional<h2::ErrorCode> over;
  bool was_called_after_its_end = false;

  /// What `outgoing` says; the bytes are kept here.
  void say(std::string bytes, bool is_last, const http::Fields* trailers = nullptr) {
    bytes_ = std::move(bytes);
    outgoing_ = {bytes_, trailers, is_last, true};
  }
  bool has_said_all() const { return !outgoing_.is_waiting; }
  std::size_t unsaid() const { return outgoing_.bytes.size(); }

  void field(std::string_view name, std::string_view value) override {
    heads.back().emplace_back(name, value);
    note("field " + std::string(name) + " " + std::string(value));
  }
  void head_ended(bool is_last) override {
    heads.emplace_back();
    has_ended = has_ended || is_last;
    note(is_last ? "head last" : "head");
  }
  void data(std::string_view bytes) override {
    received.append(bytes);
    note("data " + std::to_string(bytes.size()));
  }
  void data_ended() override {
    has_ended = true;
    note("data end");
  }
  void closed(h2::ErrorCode why) override {
    note("closed " + std::to_string(static_cast<std::uint32_t>(why)));
    over = why;
  }
  h2::Outgoing outgoing() const override { return outgoing_; }
  void sent(std::size_t bytes) override {
    note("sent " + std::to_string(bytes));
    outgoing_.bytes.remove_prefix(bytes);
    if (outgoing_.bytes.empty()) outgoing_ = {};
  }

 private:
  void note(std::string_view what) {
    was_called_after_its_end = was_called_after_its_end || over.has_value();
    log_.push_back(std::to_string(id_) + " " + std::string(what));
  }

  const h2::StreamId& id_;
  std::vector<std::string>& log_;
  std::string bytes_;
  h2::Outgoing outgoing_;
};

class H2Peer final : public h2::CodecHandler {
 public:
  static h2::Codec::Setting setting(h2::Codec::Role role) {
    h2::Codec::Setting setting;
    setting.role = role;
    setting.streams = 100;
    setting.head_bytes = 64 * 1024;
    setting.stream_window = 256 * 1024;
    setting.connection_window = 1024 * 1024;
    setting.most_window = 4 * 1024 * 1024;
    setting.resets_per_minute = 2000;
    return setting;
  }
  explicit H2Peer(h2::Codec::Role role) : H2Peer(setting(role)) {}
  explicit H2Peer(const h2::Codec::Setting& setting) : codec(setting, *this) {}

  std::vector<std::string> log;
  bool refuses = false;
  std::optional<h2::StreamId> last_of_goaway;
  TimePoint now{std::chrono::hours(1)};

 private:
  struct Entry {
    Entry(h2::StreamId number, std::vector<std::string>& log) : id(number), stream(id, log) {}
    h2::StreamId id;
    PeerStream stream;
  };
  BufferPool buffers_;
  std::map<h2::StreamId, std::unique_ptr<Entry>> entries_;

 public:
  h2::Codec codec;  ///< Below its streams, which it must not outlive.

  bool has(h2::StreamId id) const { return entries_.count(id) > 0; }
  PeerStream& stream(h2::StreamId id) { return entries_.at(id)->stream; }
  std::vector<h2::StreamId> ids() const {
    std::vector<h2::StreamId> all;
    for (const auto& [id, entry] : entries_) all.push_back(id);
    return all;
  }
  /// As its owner does when it is done with the stream.
  void drop(h2::StreamId id) {
    codec.forget(id);
    entries_.erase(id);
  }

  void receive(std::string_view bytes) { codec.receive(bytes, now); }
  std::optional<h2::StreamId> request(const http::RequestHead& head) {
    auto entry = std::make_unique<Entry>(0, log);
    const auto id = codec.request(head, entry->stream);
    if (!id) return std::nullopt;
    entry->id = *id;
    entries_.emplace(*id, std::move(entry));
    return id;
  }

  /// One block's worth; `filled` bytes of the block are taken already, and not part of the answer.
  std::string produce_block(std::size_t filled = 0) {
    Buffer block = buffers_.lease();
    block.append(std::string(filled, 'x'));
    codec.produce(block, buffers_);
    return std::string(block.data().substr(filled));
  }
  /// All there is to send.
  std::string produce() {
    std::string all;
    for (;;) {
      const std::string some = produce_block();
      if (some.empty()) return all;
      all += some;
    }
  }
  std::vector<Frame> frames() { return read_frames(without_preface(produce())).value(); }
  /// The log since the last call.
  std::vector<std::string> take_log() { return std::exchange(log, {}); }

 private:
  static std::string without_preface(std::string bytes) {
    return bytes.starts_with(kPreface) ? bytes.substr(kPreface.size()) : bytes;
  }
  h2::StreamHandler* opened(h2::StreamId id) override {
    if (refuses) return nullptr;
    return &entries_.emplace(id, std::make_unique<Entry>(id, log)).first->second->stream;
  }
  void going_away(h2::StreamId last) override {
    last_of_goaway = last;
    log.push_back("goaway " + std::to_string(last));
  }
};

/// Everything each has to say reaches the other, until both are silent.
inline void talk(H2Peer& one, H2Peer& other) {
  for (;;) {
    const std::string from_one = one.produce();
    other.receive(from_one);
    const std::string from_other = other.produce();
    one.receive(from_other);
    if (from_one.empty() && from_other.empty()) return;
  }
}

}  // namespace sandgate::proxy::tests

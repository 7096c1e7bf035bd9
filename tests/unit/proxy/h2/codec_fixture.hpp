// codec_fixture: a server's codec that has shaken hands with a peer whose frames are written by hand.
#pragma once

#include <proxy/http/head.hpp>
#include <tests/support/h2_frames.hpp>
#include <tests/support/h2_peer.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace sandgate::proxy::h2 {

using Log = std::vector<std::string>;

inline http::ResponseHead response_head(std::uint16_t status, http::BodyLength body = {}) {
  http::ResponseHead head;
  head.status = status;
  head.body = body;
  return head;
}
inline constexpr http::BodyLength kOpenEnded{http::BodyLength::Kind::until_end};

inline http::RequestHead request_head(std::string_view method, http::BodyLength body = {}) {
  http::RequestHead head;
  head.method = method;
  head.target = "/";
  head.authority = "a.test";
  head.body = body;
  return head;
}

/// A server whose client has sent its preface and SETTINGS, and read the server's.
class Served {
 public:
  explicit Served(const Codec::Setting& setting = tests::H2Peer::setting(Codec::Role::server),
                  const std::string& client_settings = tests::settings())
      : peer(setting) {
    peer.receive(std::string(tests::kPreface) + client_settings + tests::settings_ack());
    peer.produce();
  }
  Codec& codec() { return peer.codec; }
  void receive(std::string_view bytes) { peer.receive(bytes); }
  tests::PeerStream& stream(StreamId id) { return peer.stream(id); }

  tests::H2Peer peer;
};

/// Those of that type.
inline std::vector<tests::Frame> only(const std::vector<tests::Frame>& frames, tests::FrameType type) {
  std::vector<tests::Frame> found;
  std::copy_if(frames.begin(), frames.end(), std::back_inserter(found),
               [type](const tests::Frame& frame) { return frame.type == type; });
  return found;
}

/// "RST_STREAM 1 8", "GOAWAY 3 1", "WINDOW_UPDATE 0 65536", "HEADERS 1 end", "DATA 1 5"…: what a test can say of them.
inline Log describe(const std::vector<tests::Frame>& frames) {
  using tests::FrameType;
  Log lines;
  for (const tests::Frame& frame : frames) {
    const std::string stream = " " + std::to_string(frame.stream);
    const std::string end = (frame.flags & tests::kEndStream) != 0 ? " end" : "";
    const auto number = [&](std::size_t at) {
      return " " + std::to_string(tests::read_number(std::string_view(frame.payload).substr(at, 4)));
    };
    switch (frame.type) {
      case FrameType::data:
        lines.push_back("DATA" + stream + " " + std::to_string(frame.payload.size()) + end);
        break;
      case FrameType::headers:
        lines.push_back("HEADERS" + stream + end);
        break;
      case FrameType::rst_stream:
        lines.push_back("RST_STREAM" + stream + number(0));
        break;
      case FrameType::goaway:
        lines.push_back("GOAWAY" + number(0) + number(4));
        break;
      case FrameType::window_update:
        lines.push_back("WINDOW_UPDATE" + stream + number(0));
        break;
      case FrameType::settings:
        lines.push_back(end.empty() ? "SETTINGS" : "SETTINGS ack");
        break;
      case FrameType::ping:
        lines.push_back(end.empty() ? "PING" : "PING ack");
        break;
      default:
        lines.push_back("frame " + std::to_string(static_cast<int>(frame.type)) + stream);
    }
  }
  return lines;
}

inline Log written(tests::H2Peer& peer) { return describe(peer.frames()); }

}  // namespace sandgate::proxy::h2

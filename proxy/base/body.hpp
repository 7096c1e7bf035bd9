// body: the stream of a message's content, pulled part by part, and the one pump that moves it.
//
//   source ── read ──▶ Part ── write ──▶ sink
//
// An HTTP/1 body, an HTTP/2 stream and an upgraded connection are all a source and a sink. A part is a view that holds
// until the next read; the pump reads again only when the sink has taken the last part whole. So one chunk is in
// flight, and a slow reader on one side stops the writer on the other.
#pragma once

#include <proxy/base/failure.hpp>
#include <proxy/base/task.hpp>
#include <proxy/http/head.hpp>

#include <cstdint>
#include <string_view>

namespace sandgate::proxy {

struct Part {
  std::string_view bytes;
  const http::Fields* trailers = nullptr;  ///< With the last part of a message that has some.
  bool is_last = false;                    ///< The content ends here; on a tunnel, this direction does.
};

class BodySource {
 public:
  /// Not called again after the last part or a failure.
  virtual Task<Result<Part>> read() = 0;
  /// A read would give something without waiting.
  virtual bool is_ready() const = 0;

 protected:
  ~BodySource() = default;
};

class BodySink {
 public:
  /// Done when the part may be forgotten. Not called again after the last part or a failure.
  virtual Task<Result<void>> write(Part part) = 0;

 protected:
  ~BodySink() = default;
};

/// Told of every part that has passed.
class PumpObserver {
 public:
  virtual void passed(std::size_t bytes) = 0;

 protected:
  ~PumpObserver() = default;
};

/// Moves everything. Fails with what the source or the sink fails with.
Task<Result<void>> pump(BodySource& source, BodySink& sink, PumpObserver& observer);

/// Success, for a function that has only now and then something to wait for and so is no coroutine itself.
Task<Result<void>> done();

/// Runs `work`; out of memory or of what the kernel has to give (an exception) becomes Failure::overloaded. For whoever
/// has something to undo or to join afterwards.
Task<Result<void>> guarded(Task<Result<void>> work);

}  // namespace sandgate::proxy

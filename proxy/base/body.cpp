#include <proxy/base/body.hpp>

#include <exception>
#include <utility>

namespace sandgate::proxy {

Task<Result<void>> pump(BodySource& source, BodySink& sink, PumpObserver& observer) {
  for (;;) {
    const Result<Part> part = co_await source.read();
    if (part.has_error()) co_return part.error();
    const Result<void> written = co_await sink.write(*part);
    if (written.has_error()) co_return written.error();
    observer.passed(part->bytes.size());
    if (part->is_last) co_return Result<void>{};
  }
}

Task<Result<void>> done() { co_return Result<void>{}; }

Task<Result<void>> guarded(Task<Result<void>> work) {
  try {
    co_return co_await std::move(work);
  } catch (const std::exception&) {
    co_return Failure::overloaded;
  }
}

}  // namespace sandgate::proxy

#include <proxy/metrics.hpp>

#include <algorithm>

namespace sandgate::proxy {

void DurationHistogram::observe(std::chrono::nanoseconds duration) {
  using std::chrono::nanoseconds;
  const nanoseconds elapsed = std::max(duration, nanoseconds::zero());
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const auto bound = std::lower_bound(kBoundsSeconds.begin(), kBoundsSeconds.end(), seconds);
  buckets_[static_cast<std::size_t>(bound - kBoundsSeconds.begin())].add();
  const auto rounded = std::chrono::round<std::chrono::microseconds>(elapsed);
  sum_us_.add(static_cast<std::uint64_t>(rounded.count()));
}

void count_limit(Metrics& metrics, Failure failure) {
  const auto hit = [&](LimitLabel label) { metrics.limit(label).add(); };
  switch (failure) {
    case Failure::too_many_connections:
      return hit(LimitLabel::connections_per_sandbox);
    case Failure::head_too_large:
      return hit(LimitLabel::head_bytes);
    case Failure::target_too_long:
      return hit(LimitLabel::target_bytes);
    default:
      return;
  }
}

}  // namespace sandgate::proxy

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

}  // namespace sandgate::proxy

// process_metrics: what the kernel says of this process, under the names every Prometheus client library uses.
//
// Read from /proc/self at each scrape, on the control thread. What cannot be read is left out, never shown as zero.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace sandgate::proxy {

/// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds,
/// process_max_fds, process_start_time_seconds, process_threads.
std::vector<prometheus::MetricFamily> process_metrics();

}  // namespace sandgate::proxy

#include <proxy/process_metrics.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sandgate::proxy {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

std::string read_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The fields of /proc/self/stat that are shown, numbered as in proc(5).
struct Stat {
  double cpu_ticks = 0;    ///< 14 + 15: user and system, all threads.
  double threads = 0;      ///< 20
  double start_ticks = 0;  ///< 22: since boot.
  double virtual_bytes = 0;
  double resident_pages = 0;
};

std::optional<Stat> read_stat() {
  const std::string text = read_text("/proc/self/stat");
  const std::size_t name_end = text.rfind(')');  // field 2 is the program's name and may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  constexpr std::size_t kFirstField = 3;
  constexpr std::size_t kLastField = 24;
  std::istringstream rest(text.substr(name_end + 1));
  std::string state;
  rest >> state;
  std::array<double, kLastField + 1> field{};
  for (std::size_t number = kFirstField + 1; number <= kLastField; ++number) rest >> field[number];
  if (!rest) return std::nullopt;
  return Stat{field[14] + field[15], field[20], field[22], field[23], field[24]};
}

/// Seconds since 1970 at which the machine started.
std::optional<double> boot_time() {
  constexpr std::string_view kKey = "\nbtime ";
  const std::string text = read_text("/proc/stat");
  const std::size_t at = text.find(kKey);
  if (at == std::string::npos) return std::nullopt;
  double seconds = 0;
  return std::istringstream(text.substr(at + kKey.size())) >> seconds ? std::optional(seconds) : std::nullopt;
}

std::optional<double> count_open_files() {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  if (error) return std::nullopt;
  double count = -1;  // the descriptor this listing itself opened
  for (; entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  return error ? std::nullopt : std::optional(count);
}

std::optional<double> open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

struct Description {
  const char* name;
  const char* help;
  MetricType type;
};

MetricFamily family(const Description& description, double value) {
  prometheus::ClientMetric metric;
  if (description.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  return {description.name, description.help, description.type, {std::move(metric)}};
}

}  // namespace

std::vector<MetricFamily> process_metrics() {
  std::vector<MetricFamily> families;
  const auto add = [&](const Description& description, std::optional<double> value) {
    if (value) families.push_back(family(description, *value));
  };
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  if (const std::optional<Stat> stat = read_stat()) {
    add({"process_cpu_seconds_total", "User and system CPU time of all threads.", MetricType::Counter},
        stat->cpu_ticks / ticks_per_second);
    add({"process_threads", "Threads of the process.", MetricType::Gauge}, stat->threads);
    add({"process_virtual_memory_bytes", "Virtual memory size.", MetricType::Gauge}, stat->virtual_bytes);
    add({"process_resident_memory_bytes", "Resident memory size.", MetricType::Gauge},
        stat->resident_pages * page_bytes);
    if (const std::optional<double> boot = boot_time()) {
      add({"process_start_time_seconds", "When the process started, in seconds since 1970.", MetricType::Gauge},
          *boot + stat->start_ticks / ticks_per_second);
    }
  }
  add({"process_open_fds", "Open file descriptors.", MetricType::Gauge}, count_open_files());
  add({"process_max_fds", "The soft limit of open file descriptors.", MetricType::Gauge}, open_files_limit());
  return families;
}

}  // namespace sandgate::proxy

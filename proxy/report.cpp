#include <proxy/json_text.hpp>
#include <proxy/report.hpp>

#include <array>
#include <ctime>
#include <string>
#include <unistd.h>

namespace sandgate::proxy {
namespace {

constexpr std::size_t kMaxMessage = 4096;

std::string_view name(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

}  // namespace

void report(Severity severity, std::string_view message) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> time;
  const std::size_t size = std::strftime(time.data(), time.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  std::string line = R"({"time":")" + std::string(time.data(), size) + R"(","level":")";
  line += name(severity);
  line += R"(","message":)";
  append_json_string(line, message, kMaxMessage);
  line += "}\n";
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));  // Nobody is left to tell of a failure.
}

}  // namespace sandgate::proxy

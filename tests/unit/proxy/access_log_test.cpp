#include <proxy/access_log.hpp>
#include <proxy/base/unique_fd.hpp>

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <pthread.h>
#include <sched.h>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

namespace sandgate::proxy {
namespace {

/// A folder of the test's own, gone at its end.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "sandgate-access-log-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// A FIFO whose reader is the test.
struct Fifo {
  Fifo() {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    reader = UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(reader);
  }
  Folder folder;
  std::string path = folder.file("fifo");
  UniqueFd reader;
};

AccessRecord record_of(std::string_view request_id) {
  AccessRecord record;
  record.request_id = request_id;
  return record;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string id_of(const std::string& line) { return boost::json::parse(line).at("request_id").as_string().c_str(); }

std::string read_to_end(int fd) {
  ::fcntl(fd, F_SETFL, 0);
  std::string text;
  std::array<char, 64 * 1024> part;
  for (ssize_t size = 0; (size = ::read(fd, part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  return text;
}

void wait_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("access log: every line of every writer is in the file at the end, whole and in order", "[access_log]") {
  constexpr std::size_t kWriters = 4;
  constexpr std::size_t kLines = 2'000;
  const Folder folder;
  const std::string path = folder.file("access.log");
  {
    AccessLog log(path);
    std::vector<std::thread> workers;
    for (std::size_t writer = 0; writer < kWriters; ++writer) {
      workers.emplace_back([&log, writer] {
        const auto end = log.make_writer();
        for (std::size_t line = 0; line < kLines;) {
          const std::string id = std::to_string(writer) + ":" + std::to_string(line);
          if (end->write(record_of(id))) ++line;
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    CHECK(log.lost_lines() == 0);
  }
  std::array<std::size_t, kWriters> next{};
  for (const std::string& line : lines_of(text_of(path))) {
    const std::string id = id_of(line);
    const auto writer = static_cast<std::size_t>(id.at(0) - '0');
    REQUIRE(id == std::to_string(writer) + ":" + std::to_string(next.at(writer)++));
  }
  for (const std::size_t count : next) CHECK(count == kLines);
}

TEST_CASE("access log: a file is appended to, and only its owner and group may read it", "[access_log]") {
  const Folder folder;
  const std::string path = folder.file("access.log");
  for (const char* id : {"first", "second"}) CHECK(AccessLog(path).make_writer()->write(record_of(id)));
  const std::vector<std::string> lines = lines_of(text_of(path));
  REQUIRE(lines.size() == 2);
  CHECK(id_of(lines[1]) == "second");
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::others_all) ==
        std::filesystem::perms::none);
}

TEST_CASE("access log: while the reader stands still a full ring refuses lines, and loses none it took",
          "[access_log]") {
  Fifo fifo;
  std::size_t taken = 0;
  std::future<std::string> text;
  {
    AccessLog log(fifo.path);
    const auto writer = log.make_writer();
    const std::string id(1000, 'x');
    while (writer->write(record_of(id))) ++taken;
    CHECK(taken * 1000 > 500 * 1024);
    CHECK_FALSE(writer->write(record_of(id)));
    text = std::async(std::launch::async, read_to_end, fifo.reader.number());
  }
  const std::vector<std::string> lines = lines_of(text.get());
  CHECK(lines.size() == taken);
  for (const std::string& line : lines) REQUIRE(id_of(line).size() == 1000);
}

TEST_CASE("access log: a reader that never reads does not keep the edge from ending", "[access_log]") {
  Fifo fifo;
  const auto begin = std::chrono::steady_clock::now();
  {
    AccessLog log(fifo.path);
    const auto writer = log.make_writer();
    while (writer->write(record_of("x"))) continue;
  }
  CHECK(std::chrono::steady_clock::now() - begin < 20s);
}

TEST_CASE("access log: when the reader is gone lines are lost and counted, and nobody is killed", "[access_log]") {
  Fifo fifo;
  AccessLog log(fifo.path);
  fifo.reader.reset();
  const auto writer = log.make_writer();
  for (int i = 0; i < 3; ++i) CHECK(writer->write(record_of("x")));
  wait_until([&] { return log.lost_lines() == 3; });
}

TEST_CASE("access log: a full disk loses lines and counts them", "[access_log]") {
  AccessLog log("/dev/full");
  const auto writer = log.make_writer();
  for (int i = 0; i < 3; ++i) CHECK(writer->write(record_of("x")));
  wait_until([&] { return log.lost_lines() == 3; });
}

TEST_CASE("access log: a line that the disk cut does not spoil the next one", "[access_log]") {
  const Folder folder;
  const std::string path = folder.file("access.log");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  std::uint64_t lost = 0;
  {
    AccessLog log(path);
    const auto writer = log.make_writer();
    const rlimit tight{1000, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    for (int i = 0; i < 10; ++i) writer->write(record_of("before"));
    const auto written = [&] { return static_cast<std::uint64_t>(std::ranges::count(text_of(path), '\n')); };
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (written() + log.lost_lines() < 10 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    lost = log.lost_lines();
    CHECK(lost > 0);
    writer->write(record_of("after"));
  }
  std::vector<std::string> lines = lines_of(text_of(path));
  REQUIRE(lines.size() == 10 - lost + 2);  // the whole ones, the cut one, the one after
  CHECK(id_of(lines.back()) == "after");
  lines.pop_back();
  CHECK_FALSE(lines.back().ends_with("}"));
  lines.pop_back();
  for (const std::string& line : lines) CHECK(id_of(line) == "before");
}

TEST_CASE("access log: after a rotation lines go to a new file", "[access_log]") {
  const Folder folder;
  const std::string path = folder.file("access.log");
  {
    AccessLog log(path);
    const auto writer = log.make_writer();
    writer->write(record_of("old"));
    wait_until([&] { return !text_of(path).empty(); });
    std::filesystem::rename(path, path + ".1");
    log.reopen();
    wait_until([&] { return std::filesystem::exists(path); });
    writer->write(record_of("new"));
  }
  CHECK(id_of(text_of(path + ".1")) == "old");
  CHECK(id_of(text_of(path)) == "new");
}

TEST_CASE("access log: a rotation that fails keeps the old file", "[access_log]") {
  const Folder folder;
  std::filesystem::create_directory(folder.file("a"));
  {
    AccessLog log(folder.file("a/access.log"));
    const auto writer = log.make_writer();
    std::filesystem::rename(folder.file("a"), folder.file("b"));
    log.reopen();
    writer->write(record_of("kept"));
  }
  CHECK(id_of(text_of(folder.file("b/access.log"))) == "kept");
}

TEST_CASE("access log: stdout is the process's own", "[access_log]") {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const UniqueFd reader(pipe[0]);
  {
    const UniqueFd saved(::dup(STDOUT_FILENO));
    REQUIRE(::dup2(pipe[1], STDOUT_FILENO) == STDOUT_FILENO);
    ::close(pipe[1]);
    AccessLog log("stdout");
    REQUIRE(::dup2(saved.number(), STDOUT_FILENO) == STDOUT_FILENO);
    CHECK(log.make_writer()->write(record_of("x")));
    log.reopen();
  }
  CHECK(id_of(read_to_end(reader.number())) == "x");
}

TEST_CASE("access log: its thread steps behind the workers", "[access_log]") {
  const auto become = [](int policy) {
    const sched_param no_priority{};
    return ::pthread_setschedparam(::pthread_self(), policy, &no_priority) == 0;
  };
  if (!std::async(std::launch::async, become, SCHED_BATCH).get() || !become(SCHED_OTHER)) {
    WARN("a thread may not choose its policy here: skipped");
    return;
  }
  const Folder folder;
  AccessLog log(folder.file("access.log"));
  wait_until([] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::any_of(begin(tasks), end(tasks), [](const auto& task) {
      std::string name;
      std::getline(std::ifstream(task.path() / "comm"), name);
      return name == "access-log" && ::sched_getscheduler(std::stoi(task.path().filename())) == SCHED_BATCH;
    });
  });
}

TEST_CASE("access log: off takes every line and writes none", "[access_log]") {
  AccessLog log("off");
  CHECK(log.make_writer()->write(record_of("x")));
  CHECK(log.lost_lines() == 0);
  CHECK_FALSE(std::filesystem::exists("off"));
}

TEST_CASE("access log: a path that cannot be opened is an error at once", "[access_log]") {
  const Folder folder;
  CHECK_THROWS_AS(AccessLog(folder.file("missing/access.log")), std::system_error);
}

}  // namespace sandgate::proxy

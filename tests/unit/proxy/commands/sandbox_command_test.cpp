#include <proxy/base/unique_fd.hpp>
#include <proxy/command.hpp>
#include <tests/unit/proxy/commands/folder.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cstring>
#include <future>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <vector>

namespace sandgate::proxy::commands {
namespace {

constexpr std::string_view kEmptyPage =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n"
    "{\"sandboxes\":[],\"next\":null}\n";

/// An admin API that reads one request and gives a canned answer, on a Unix socket.
class CannedApi {
 public:
  explicit CannedApi(std::string_view answer) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path_.c_str(), sizeof name.sun_path - 1);
    REQUIRE(::bind(listener_.number(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    REQUIRE(::listen(listener_.number(), 1) == 0);
    request_ = std::async(std::launch::async, [this, text = std::string(answer)] { return converse(text); });
  }

  ~CannedApi() { ::shutdown(listener_.number(), SHUT_RDWR); }  // ends an accept that nobody came to
  CannedApi(const CannedApi&) = delete;
  CannedApi& operator=(const CannedApi&) = delete;

  std::string address() const { return "unix:" + path_; }
  /// What was asked; empty when nobody did.
  std::string request() {
    ::shutdown(listener_.number(), SHUT_RDWR);
    return request_.get();
  }

 private:
  /// Reads until the head and the body it announces are there.
  std::string converse(const std::string& answer) const {
    const UniqueFd client(::accept(listener_.number(), nullptr, nullptr));
    std::string request;
    std::array<char, 4096> part;
    while (!is_whole(request)) {
      const ssize_t size = ::recv(client.number(), part.data(), part.size(), 0);
      if (size <= 0) break;
      request.append(part.data(), static_cast<std::size_t>(size));
    }
    ::send(client.number(), answer.data(), answer.size(), MSG_NOSIGNAL);
    return request;
  }
  static bool is_whole(const std::string& request) {
    const std::size_t end = request.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t at = request.find(kLength);
    return at == std::string::npos || request.size() >= end + 4 + std::stoul(request.substr(at + kLength.size()));
  }

  Folder folder_;
  std::string path_ = folder_.path("admin.sock");
  UniqueFd listener_;
  std::future<std::string> request_;
};

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

Outcome run(std::vector<std::string> arguments, const std::string& address, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err};
  arguments.insert(arguments.begin(), "sandbox");
  arguments.insert(arguments.end(), {"--admin", address});
  Outcome outcome;
  try {
    outcome.status = run_command(arguments, console);
  } catch (const std::exception& error) {  // as main does
    outcome.status = kFailed;
    err << "sandgate: " << error.what() << "\n";
  }
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

}  // namespace

TEST_CASE("sandbox: each command is its request", "[command]") {
  const auto [arguments, expected] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"get", "abc"}, "GET /v1/sandboxes/abc HTTP/1.1\r\n"},
      {{"get", "ABC"}, "GET /v1/sandboxes/abc HTTP/1.1\r\n"},
      {{"remove", "abc"}, "DELETE /v1/sandboxes/abc HTTP/1.1\r\n"},
      {{"list"}, "GET /v1/sandboxes?limit=100 HTTP/1.1\r\n"},
      {{"list", "--limit", "5", "--after", "abc"}, "GET /v1/sandboxes?limit=5&after=abc HTTP/1.1\r\n"},
  }));
  CannedApi api(kEmptyPage);
  CHECK(run(arguments, api.address()).status == 0);
  CHECK_THAT(api.request(), Catch::StartsWith(expected + "Host: localhost\r\n") && Catch::EndsWith("\r\n\r\n"));
}

TEST_CASE("sandbox put: the record comes from the command line, a file or stdin", "[command]") {
  const std::string record = R"({"address":"10.0.0.7"})";
  const Folder folder;
  const std::string file = folder.write("record.json", record);
  const std::string origin = GENERATE("command line", "file", "stdin");
  std::vector<std::string> arguments{"put", "abc"};
  if (origin == "command line") arguments.push_back(record);
  if (origin == "file") arguments.insert(arguments.end(), {"--file", file});
  if (origin == "stdin") arguments.emplace_back("-");
  CannedApi api("HTTP/1.1 201 Created\r\nContent-Length: 22\r\n\r\n" + record);
  const Outcome outcome = run(arguments, api.address(), record);
  CHECK(outcome.status == 0);
  CHECK(outcome.out == record + "\n");
  CHECK_THAT(api.request(), Catch::StartsWith("PUT /v1/sandboxes/abc HTTP/1.1\r\n") &&
                                Catch::Contains("\r\nContent-Length: 22\r\n") && Catch::EndsWith("\r\n\r\n" + record));
}

TEST_CASE("sandbox: the token of --token-file is sent, without the end of its line", "[command]") {
  const Folder folder;
  CannedApi api(kEmptyPage);
  CHECK(run({"list", "--token-file", folder.write("token", "s3cret\n")}, api.address()).status == 0);
  CHECK_THAT(api.request(), Catch::Contains("\r\nAuthorization: Bearer s3cret\r\n"));
}

TEST_CASE("sandbox: a token file that cannot be read is a failure before anything is sent", "[command]") {
  const Outcome outcome = run({"list", "--token-file", "/nowhere/token"}, "unix:/nowhere/admin.sock");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.err, Catch::Contains("cannot read /nowhere/token: No such file"));
}

TEST_CASE("sandbox: the answer may be chunked, late or end with the connection", "[command]") {
  const auto answer =
      GENERATE(as<std::string>(),
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n3\r\n\":1\r\n1\r\n}\r\n0\r\n\r\n",
               "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
               "HTTP/1.1 200 OK\r\n\r\n{\"a\":1}");
  CannedApi api(answer);
  const Outcome outcome = run({"list"}, api.address());
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "{\"a\":1}\n");
}

TEST_CASE("sandbox: what the API refuses is a failure with its own words", "[command]") {
  const auto [status, body, expected] = GENERATE(table<std::string, std::string, std::string>({
      {"404 Not Found", R"({"error":"there is no such sandbox"})", "sandgate: there is no such sandbox\n"},
      {"400 Bad Request", R"({"error":"must be an IP","field":"address"})", "sandgate: address: must be an IP\n"},
      {"401 Unauthorized", R"({"error":"this needs a token"})",
       "sandgate: this needs a token; give it with --token-file FILE\n"},
      {"503 Service Unavailable", "busy", "sandgate: the edge answered 503\n"},
      {"400 Bad Request", R"({"error":"\u001b[2J"})", "sandgate: ?[2J\n"},
      {"400 Bad Request", R"(["error"])", "sandgate: the edge answered 400\n"},
  }));
  CannedApi api("HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  const Outcome outcome = run({"get", "abc"}, api.address());
  CHECK(outcome.status == 1);
  CHECK(outcome.err == expected);
  CHECK(outcome.out.empty());
}

TEST_CASE("sandbox: an answer that is no whole HTTP is a failure", "[command]") {
  const auto answer = GENERATE(as<std::string>(), "", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200 OK\r\n",
                               "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
  CannedApi api(answer);
  const Outcome outcome = run({"list"}, api.address());
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.err, Catch::StartsWith("sandgate: cannot talk to the admin API at unix:"));
  CHECK(outcome.out.empty());
}

TEST_CASE("sandbox: an edge that does not run is named with its address", "[command]") {
  const Outcome outcome = run({"list"}, "unix:/nowhere/admin.sock");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.err, Catch::Contains("unix:/nowhere/admin.sock: No such file or directory; is the edge running"));
}

}  // namespace sandgate::proxy::commands

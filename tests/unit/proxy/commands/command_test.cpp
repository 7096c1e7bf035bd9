#include <proxy/command.hpp>
#include <tests/unit/proxy/commands/folder.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace sandgate::proxy::commands {
namespace {

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

Outcome run(const std::vector<std::string>& arguments) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{in, out, err};
  Outcome outcome;
  outcome.status = run_command(arguments, console);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

std::size_t count_lines(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

/// A folder with a configuration whose records are those of a sandbox file.
struct Site {
  explicit Site(const std::string& sandboxes) { folder.write("sandboxes.yaml", "sandboxes:\n" + sandboxes); }

  std::string config(const std::string& more = "") {
    return folder.write("edge.yaml",
                        "domains: [sandbox.test]\n"
                        "listeners: [{address: 127.0.0.1:0}]\n"
                        "registry: {source: file, file: {path: " +
                            folder.path("sandboxes.yaml") + "}}\n" + more);
  }

  Folder folder;
};

}  // namespace

TEST_CASE("command: help goes to stdout and is a success", "[command]") {
  const auto [arguments, expected] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"--help"}, "usage: sandgate COMMAND"},
      {{"-h"}, "usage: sandgate COMMAND"},
      {{"help"}, "usage: sandgate COMMAND"},
      {{"serve", "--help"}, "usage: sandgate serve --config FILE"},
      {{"check", "--help"}, "usage: sandgate check --config FILE"},
      {{"route", "-h"}, "usage: sandgate route --config FILE HOST"},
      {{"version", "--help"}, "usage: sandgate version"},
      {{"health", "--help"}, "usage: sandgate health"},
      {{"sandbox", "--help"}, "usage: sandgate sandbox put|get|list|remove"},
      {{"sandbox", "put", "--help"}, "usage: sandgate sandbox put ID"},
      {{"sandbox", "get", "--help"}, "usage: sandgate sandbox get ID"},
      {{"sandbox", "list", "--help"}, "usage: sandgate sandbox list"},
      {{"sandbox", "remove", "--help"}, "usage: sandgate sandbox remove ID"},
  }));
  const Outcome outcome = run(arguments);
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, Catch::StartsWith(expected));
  CHECK(outcome.err.empty());
}

TEST_CASE("command: the top's help names every command", "[command]") {
  const std::string help = run({"--help"}).out;
  for (const char* name : {"serve", "check", "route", "sandbox", "health", "version"}) {
    CHECK_THAT(help, Catch::Contains("\n  " + std::string(name) + " "));
  }
}

TEST_CASE("command: arguments that make no sense are 64, with what to write instead", "[command]") {
  const auto [arguments, expected] = GENERATE(table<std::vector<std::string>, std::string>({
      {std::vector<std::string>{}, "a command is missing (see 'sandgate --help')"},
      {{""}, "a command is missing"},
      {{"serv"}, "unknown command 'serv'; did you mean 'serve'?"},
      {{"roate"}, "did you mean 'route'?"},
      {{"frobnicate"}, "write one of serve, check, route, sandbox, health, version"},
      {{"check"}, "'--config' is required but missing (see 'sandgate check --help')"},
      {{"serve"}, "'--config' is required"},
      {{"route", "--config", "x"}, "HOST is missing"},
      {{"route", "h"}, "'--config' is required"},
      {{"check", "--conf", "x"}, "unrecognised option '--conf'"},
      {{"check", "--config"}, "'--config'"},
      {{"check", "--config", "x", "y"}, "too many arguments"},
      {{"version", "please"}, "too many arguments"},
      {{"sandbox"}, "write one of put, get, list, remove"},
      {{"sandbox", "gett"}, "did you mean 'get'?"},
      {{"sandbox", "delete", "abc"}, "write one of put, get, list, remove"},
      {{"sandbox", "get"}, "ID is missing"},
      {{"sandbox", "get", "not an id"}, "'not an id' is no sandbox id; write 1 to 63 letters and digits"},
      {{"sandbox", "get", "../x"}, "is no sandbox id"},
      {{"sandbox", "put", "abc"}, "write the record's JSON, or - , or --file FILE"},
      {{"sandbox", "put", "abc", "{}", "--file", "x"}, "write the record's JSON"},
      {{"sandbox", "put", "abc", ""}, "the record is empty"},
      {{"sandbox", "put", "abc", "-"}, "the record is empty"},
      {{"sandbox", "get", "abc", "--admin", "localhost"}, "write 127.0.0.1:9090 or unix:/path"},
      {{"sandbox", "list", "--limit", "many"}, "'--limit' is invalid"},
      {{"sandbox", "list", "--after", "&limit=1"}, "--after: write a sandbox id"},
  }));
  const Outcome outcome = run(arguments);
  CHECK(outcome.status == 64);
  CHECK_THAT(outcome.err,
             Catch::StartsWith("sandgate: ") && Catch::Contains(expected) && Catch::Contains("--help')\n"));
  CHECK(outcome.out.empty());
}

TEST_CASE("command: version says what runs", "[command]") {
  const std::string flag = GENERATE("version", "--version");
  const Outcome outcome = run({flag});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, Catch::StartsWith("sandgate") && Catch::Contains(SANDGATE_VERSION));
  for (const char* name : {"compiler", "boost", "openssl", "sqlite", "yaml-cpp", "prometheus-cpp"}) {
    CHECK_THAT(outcome.out, Catch::Contains(name));
  }
}

TEST_CASE("command: every problem of a configuration is a line, and the status is 78", "[command]") {
  const std::string command = GENERATE("check", "serve", "route");
  Folder folder;
  const std::string path = folder.write("edge.yaml", "domains: [sandbox.test]\nlisteners: []\nnonsense: 1\n");
  std::vector<std::string> arguments{command, "--config", path};
  if (command == "route") arguments.emplace_back("80-abc.sandbox.test");
  const Outcome outcome = run(arguments);
  CHECK(outcome.status == 78);
  CHECK(count_lines(outcome.err) == 2);
  CHECK_THAT(outcome.err, Catch::Contains(path + ":3:1: nonsense") && Catch::Contains("listeners"));
}

TEST_CASE("command: a configuration that cannot be read is 78", "[command]") {
  const Outcome outcome = run({"check", "--config", "no-such-file.yaml"});
  CHECK(outcome.status == 78);
  CHECK_THAT(outcome.err, Catch::StartsWith("no-such-file.yaml: "));
}

TEST_CASE("check: a valid configuration with valid records is 0", "[command]") {
  Site site("  abc: {address: 10.0.0.7}\n");
  const Outcome outcome = run({"check", "--config", site.config()});
  CHECK(outcome.err.empty());
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, Catch::EndsWith("sandboxes: 1\n"));
}

TEST_CASE("check: every record that does not parse is a line, and the status is 78", "[command]") {
  Site site("  abc: {address: 10.0.0.7}\n  one: {address: x}\n  \"no id\": {}\n  two: {allow_public_traffic: 7}\n");
  const Outcome outcome = run({"check", "--config", site.config()});
  CHECK(outcome.status == 78);
  CHECK(count_lines(outcome.err) == 3);
  CHECK_THAT(outcome.err, Catch::Contains("sandbox one: address: ") && Catch::Contains("sandboxes.yaml:3"));
  CHECK_THAT(outcome.err, Catch::Contains("sandbox no id: ") && Catch::Contains("sandbox two: "));
}

TEST_CASE("check: a private record without a token is a remark, not a problem", "[command]") {
  Site site("  abc: {address: 10.0.0.7, allow_public_traffic: false}\n");
  const Outcome outcome = run({"check", "--config", site.config()});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.err, Catch::Contains("sandbox abc asks for a token and has none"));
}

TEST_CASE("check: what the configuration names is looked at", "[command]") {
  const auto [more, expected] = GENERATE(table<std::string, std::string>({
      {"admin: {address: 127.0.0.1:9090, token_file: /nowhere/token}\n",
       "admin.token_file: cannot read /nowhere/token"},
      {"admin: {address: 127.0.0.1:9090, token_file: /dev/null}\n", "admin.token_file: /dev/null is empty"},
      {"access_log: {path: /nowhere/access.log}\n", "access_log.path: the directory /nowhere is not there"},
  }));
  Site site("  abc: {address: 10.0.0.7}\n");
  const Outcome outcome = run({"check", "--config", site.config(more)});
  CHECK(outcome.status == 78);
  CHECK_THAT(outcome.err, Catch::Contains(expected));
}

TEST_CASE("check: certificates that cannot be read are a problem", "[command]") {
  Folder folder;
  const std::string config = folder.write("edge.yaml",
                                          "domains: [sandbox.test]\n"
                                          "listeners: [{address: 127.0.0.1:0, tls: {certificates: [{chain: /nowhere/c, "
                                          "key: /nowhere/k}]}}]\n"
                                          "registry: {store: {path: " +
                                              folder.path("s.db") + "}}\n");
  const Outcome outcome = run({"check", "--config", config});
  CHECK(outcome.status == 78);
  CHECK_THAT(outcome.err, Catch::Contains("/nowhere/c"));
}

TEST_CASE("check: a sandbox file that is not there is a problem", "[command]") {
  Site site("");
  std::filesystem::remove(site.folder.path("sandboxes.yaml"));
  const Outcome outcome = run({"check", "--config", site.config()});
  CHECK(outcome.status == 78);
  CHECK_THAT(outcome.err, Catch::Contains("sandboxes.yaml"));
}

TEST_CASE("check and route: a store that is not there is not made", "[command]") {
  const std::string command = GENERATE("check", "route");
  Folder folder;
  const std::string config = folder.write("edge.yaml",
                                          "domains: [sandbox.test]\n"
                                          "listeners: [{address: 127.0.0.1:0}]\n"
                                          "registry: {store: {path: " +
                                              folder.path("s.db") + "}}\n");
  std::vector<std::string> arguments{command, "--config", config};
  if (command == "route") arguments.emplace_back("80-abc.sandbox.test");
  const Outcome outcome = run(arguments);
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.err, Catch::Contains("s.db is not there yet"));
  CHECK_FALSE(std::filesystem::exists(folder.path("s.db")));
}

TEST_CASE("check: a store whose directory is missing is a problem", "[command]") {
  Folder folder;
  const std::string config = folder.write("edge.yaml",
                                          "domains: [sandbox.test]\n"
                                          "listeners: [{address: 127.0.0.1:0}]\n"
                                          "registry: {store: {path: " +
                                              folder.path("missing/s.db") + "}}\n");
  const Outcome outcome = run({"check", "--config", config});
  CHECK(outcome.status == 78);
  CHECK_THAT(outcome.err, Catch::Contains("registry.store.path: the directory"));
}

TEST_CASE("route: the steps and what comes of them", "[command]") {
  Site site("  abc: {address: 10.0.0.7}\n  bad: {address: x}\n");
  const std::string config = site.config();

  const Outcome forwarded = run({"route", "--config", config, "8080-abc.sandbox.test"});
  CHECK(forwarded.status == 0);
  CHECK_THAT(forwarded.out, Catch::StartsWith("8080-abc.sandbox.test\n  ok    parse "));
  CHECK_THAT(forwarded.out, Catch::EndsWith("-> forward to 10.0.0.7:8080\n"));

  const Outcome refused = run({"route", "--config", config, "8080-nobody.sandbox.test"});
  CHECK(refused.status == 0);
  CHECK_THAT(refused.out, Catch::Contains("  STOP  registry ") && Catch::EndsWith("-> sandbox_not_found\n"));

  const Outcome invalid = run({"route", "--config", config, "8080-bad.sandbox.test"});
  CHECK_THAT(invalid.out, Catch::EndsWith("-> record_invalid\n"));
  CHECK_THAT(invalid.err, Catch::StartsWith("note: sandbox bad: address: "));
}

TEST_CASE("route: --json is the answer of the admin API", "[command]") {
  Site site("  abc: {address: 10.0.0.7}\n");
  const Outcome outcome = run({"route", "--config", site.config(), "8080-abc.sandbox.test", "--json"});
  const boost::json::value answer = boost::json::parse(outcome.out);
  CHECK(answer.at("outcome").as_string() == "forward");
  CHECK(answer.at("upstream").as_string() == "10.0.0.7:8080");
}

TEST_CASE("route: a source that cannot be loaded is a failure", "[command]") {
  Site site("");
  std::filesystem::remove(site.folder.path("sandboxes.yaml"));
  const Outcome outcome = run({"route", "--config", site.config(), "8080-abc.sandbox.test"});
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.err, Catch::StartsWith("sandgate: "));
  CHECK(outcome.out.empty());
}

}  // namespace sandgate::proxy::commands

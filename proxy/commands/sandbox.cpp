#include <proxy/commands/admin_client.hpp>
#include <proxy/commands/commands.hpp>
#include <proxy/commands/text_file.hpp>
#include <proxy/printable.hpp>
#include <routing/sandbox_id.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/program_options/value_semantic.hpp>

#include <algorithm>
#include <array>
#include <istream>
#include <iterator>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace sandgate::proxy::commands {
namespace {

namespace options = boost::program_options;
using Values = options::variables_map;

Syntax with_admin_options(Syntax syntax) {
  syntax
      .option("admin", options::value<std::string>()->default_value("127.0.0.1:9090")->value_name("ADDRESS"),
              "the edge's admin.address: IP:PORT or unix:/path")
      .option("token-file", options::value<std::string>()->value_name("FILE"),
              "holds the bearer token, when the edge's admin.token_file is set");
  return syntax;
}

AdminAddress address_of(const Values& values) {
  const std::string text = required_text(values, "admin");
  const std::optional<config::Endpoint> endpoint = config::Endpoint::parse(text);
  if (!endpoint) throw UsageError("--admin: '" + text + "' is no address; write 127.0.0.1:9090 or unix:/path");
  AdminAddress address{*endpoint, {}};
  if (values.count("token-file") != 0) address.token = read_token(values["token-file"].as<std::string>());
  return address;
}

std::string path_of(const Values& values) {
  const std::string text = required_text(values, "ID");
  const auto id = routing::SandboxId::parse(text);
  if (!id) throw UsageError("'" + printable(text) + "' is no sandbox id; write 1 to 63 letters and digits");
  return "/v1/sandboxes/" + std::string(id->view());
}

/// As the value of a query parameter (RFC 3986 2.3).
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved = "-._~";
  std::string encoded;
  for (const char c : text) {
    const bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (is_alphanumeric || kUnreserved.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4U];
    encoded += kDigits[byte & 15U];
  }
  return encoded;
}

/// `{"error": "...", "field": "..."}` as a sentence.
std::string error_text(const AdminAnswer& answer) {
  boost::json::error_code error;
  const boost::json::value body = boost::json::parse(answer.body, error);
  const auto* const object = error ? nullptr : body.if_object();
  const auto* const text = object == nullptr ? nullptr : object->if_contains("error");
  if (text == nullptr || !text->is_string()) return "the edge answered " + std::to_string(answer.status);
  const auto* const field = object->if_contains("field");
  const std::string where = field == nullptr || !field->is_string() ? "" : std::string(field->get_string()) + ": ";
  const std::string remedy = answer.status == 401 ? "; give it with --token-file FILE" : "";
  return printable(where + std::string(text->get_string())) + remedy;
}

/// Prints what the API answered; its errors go to stderr.
int run(const Values& values, const AdminCallText& call, Console& console) {
  const AdminAnswer answer = call_admin(address_of(values), call);
  if (answer.status < 200 || answer.status >= 300) {
    console.err << "sandgate: " << error_text(answer) << "\n";
    return kFailed;
  }
  console.out << answer.body;
  if (!answer.body.empty() && !answer.body.ends_with('\n')) console.out << "\n";
  return kSuccess;
}

std::string record_of(const Values& values, Console& console) {
  const bool has_file = values.count("file") != 0;
  if (has_file == (values.count("RECORD") != 0)) throw UsageError("write the record's JSON, or - , or --file FILE");
  if (has_file) return read_file(values["file"].as<std::string>());
  const auto& text = values["RECORD"].as<std::string>();
  if (text != "-") return text;
  return {std::istreambuf_iterator<char>(console.in), std::istreambuf_iterator<char>()};
}

int put(Arguments arguments, Console& console) {
  Syntax syntax(
      "sandgate sandbox put ID (JSON | - | --file FILE)",
      "Makes the sandbox ID, or replaces its record. JSON is the record; - reads it from stdin, which keeps a\n"
      "token out of the list of processes. Prints the record as stored, its token hidden.");
  syntax.option("file", options::value<std::string>()->value_name("FILE"), "holds the record")
      .positional("ID")
      .positional("RECORD");
  const auto values = with_admin_options(std::move(syntax)).read(arguments, console);
  if (!values) return kSuccess;
  std::string path = path_of(*values);
  std::string record = record_of(*values, console);
  if (record.empty()) throw UsageError("the record is empty");
  return run(*values, {"PUT", std::move(path), std::move(record)}, console);
}

int get(Arguments arguments, Console& console) {
  Syntax syntax("sandgate sandbox get ID", "Prints the record of the sandbox ID, its token hidden.");
  syntax.positional("ID");
  const auto values = with_admin_options(std::move(syntax)).read(arguments, console);
  return values ? run(*values, {"GET", path_of(*values), {}}, console) : kSuccess;
}

int remove(Arguments arguments, Console& console) {
  Syntax syntax("sandgate sandbox remove ID [--execution-id ID]",
                "Removes the sandbox ID and ends what is open for it. Prints nothing.");
  syntax
      .option("execution-id", options::value<std::string>()->value_name("ID"),
              "only while the record is of this execution: looked at and removed in one step")
      .positional("ID");
  const auto values = with_admin_options(std::move(syntax)).read(arguments, console);
  if (!values) return kSuccess;
  std::string target = path_of(*values);
  if (values->count("execution-id") != 0) {
    target.append("?execution_id=").append(percent_encoded((*values)["execution-id"].as<std::string>()));
  }
  return run(*values, {"DELETE", std::move(target), {}}, console);
}

int list(Arguments arguments, Console& console) {
  Syntax syntax(
      "sandgate sandbox list",
      "Prints a page of sandboxes by id: {\"sandboxes\": [...], \"next\": ...}. `next`, unless null, is what\n"
      "--after takes for the page that follows.");
  syntax.option("limit", options::value<unsigned>()->default_value(100)->value_name("N"), "sandboxes a page, 1 to 1000")
      .option("after", options::value<std::string>()->value_name("ID"), "begin with the first id after this one");
  const auto values = with_admin_options(std::move(syntax)).read(arguments, console);
  if (!values) return kSuccess;
  std::string target = "/v1/sandboxes?limit=" + std::to_string((*values)["limit"].as<unsigned>());
  if (values->count("after") != 0) {
    const auto after = routing::SandboxId::parse((*values)["after"].as<std::string>());
    if (!after) throw UsageError("--after: write a sandbox id, 1 to 63 letters and digits");
    target.append("&after=").append(after->view());
  }
  return run(*values, {"GET", std::move(target), {}}, console);
}

struct Subcommand {
  std::string_view name;
  int (*run)(Arguments, Console&);
};

constexpr std::array kSubcommands{Subcommand{"put", &put}, Subcommand{"get", &get}, Subcommand{"list", &list},
                                  Subcommand{"remove", &remove}};

int dispatch(Arguments arguments, Console& console) {
  const auto* const subcommand = std::ranges::find(kSubcommands, arguments.front(), &Subcommand::name);
  if (subcommand != kSubcommands.end()) return subcommand->run(arguments.subspan(1), console);
  std::array<std::string_view, kSubcommands.size()> names;
  std::ranges::transform(kSubcommands, names.begin(), &Subcommand::name);
  throw unknown_command(arguments.front(), names);
}

}  // namespace

int sandbox(Arguments arguments, Console& console) {
  if (!arguments.empty() && !arguments.front().starts_with('-')) return dispatch(arguments, console);
  const Syntax syntax(
      "sandgate sandbox put|get|list|remove ...",
      "Talks to the admin API of a running edge (--admin ADDRESS, default 127.0.0.1:9090) and prints its\n"
      "JSON. Exit status 1 with the API's message when it refuses. `sandgate sandbox put --help` and so\n"
      "on say more.");
  if (!syntax.read(arguments, console)) return kSuccess;
  throw UsageError("write one of put, get, list, remove");
}

}  // namespace sandgate::proxy::commands

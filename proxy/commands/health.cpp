#include <proxy/commands/admin_client.hpp>
#include <proxy/commands/commands.hpp>

#include <boost/program_options/value_semantic.hpp>

#include <optional>
#include <ostream>
#include <string>

namespace sandgate::proxy::commands {

int health(Arguments arguments, Console& console) {
  Syntax syntax(
      "sandgate health [--address ADDRESS]",
      "Asks a running edge whether it is ready (GET /readyz), for images that have no curl. Exit status 0 when\n"
      "it is, 1 with the reasons when it is not, or when nobody answers.");
  syntax.option("address",
                boost::program_options::value<std::string>()->default_value("127.0.0.1:9091")->value_name("ADDRESS"),
                "the edge's health.address: IP:PORT or unix:/path");
  const auto values = syntax.read(arguments, console);
  if (!values) return kSuccess;
  const std::string text = required_text(*values, "address");
  const std::optional<config::Endpoint> endpoint = config::Endpoint::parse(text);
  if (!endpoint) throw UsageError("--address: '" + text + "' is no address; write 127.0.0.1:9091 or unix:/path");
  const AdminAnswer answer = call_admin({*endpoint, {}}, {"GET", "/readyz", {}});
  const bool is_ready = answer.status == 200;
  (is_ready ? console.out : console.err) << answer.body << (answer.body.ends_with('\n') ? "" : "\n");
  return is_ready ? kSuccess : kFailed;
}

}  // namespace sandgate::proxy::commands

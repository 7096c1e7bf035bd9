#include <proxy/commands/commands.hpp>
#include <proxy/commands/configuration.hpp>
#include <proxy/commands/text_file.hpp>
#include <proxy/net/certificates.hpp>

#include <boost/program_options/value_semantic.hpp>

#include <exception>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

namespace sandgate::proxy::commands {
namespace {

/// Everything that is wrong with what a valid configuration names, printed as it is found.
class Inspection {
 public:
  Inspection(const config::Config& config, Console& console) : config_(config), console_(console) {}

  void certificates() {
    for (const std::string& text : net::check_certificates(config_)) problem(text);
  }
  void token_file();
  void directories();
  void records();

  bool found_problems() const { return has_problems_; }
  std::size_t sandboxes() const { return registry_.table().size(); }

 private:
  void problem(const std::string& text) {
    console_.err << text << "\n";
    has_problems_ = true;
  }
  void directory_of(const std::string& path, const std::string& key);

  const config::Config& config_;
  Console& console_;
  registry::Registry registry_;
  bool has_problems_ = false;
};

void Inspection::token_file() {
  if (config_.admin.token_file.empty()) return;
  try {
    if (read_token(config_.admin.token_file).empty()) {
      problem("admin.token_file: " + config_.admin.token_file + " is empty; write a token into it");
    }
  } catch (const std::exception& error) {
    problem(std::string("admin.token_file: ") + error.what());
  }
}

void Inspection::directory_of(const std::string& path, const std::string& key) {
  const std::filesystem::path directory = std::filesystem::absolute(path).parent_path();
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return;
  problem(key + ": the directory " + directory.string() + " is not there; make it, or write another path");
}

void Inspection::directories() {
  const std::string& log = config_.access_log.path;
  if (log != "stdout" && log != "off") directory_of(log, "access_log.path");
  if (is_store_absent(config_)) directory_of(config_.registry.store.path, "registry.store.path");
}

void Inspection::records() {
  registry_.on_invalid_record(
      [this](std::string_view id, const registry::RecordError& error) { problem(describe(id, error)); });
  registry_.on_locked_record([this](const registry::SandboxId& id) {
    console_.err << "note: sandbox " << id.view() << " asks for a token and has none: nobody gets in there\n";
  });
  if (const auto failed = load_records(config_, registry_)) problem(*failed);
  if (is_store_absent(config_)) {
    console_.err << "note: " << config_.registry.store.path << " is not there yet; serve makes it\n";
  }
}

}  // namespace

int check(Arguments arguments, Console& console) {
  Syntax syntax(
      "sandgate check --config FILE",
      "Reads the configuration and everything it names (certificates and keys, token files, records of\n"
      "sandboxes) as `serve` would, changes nothing, and prints every problem, a line each. Exit status 0 or\n"
      "78. A record that `serve` would go on without (its sandbox answers record_invalid) is a problem here.");
  syntax.option("config", boost::program_options::value<std::string>()->required()->value_name("FILE"),
                "the configuration, YAML");
  const auto values = syntax.read(arguments, console);
  if (!values) return kSuccess;
  const std::string path = required_text(*values, "config");
  const std::optional<config::Config> config = load_configuration(path, console.err);
  if (!config) return kBadConfiguration;
  Inspection inspection(*config, console);
  inspection.certificates();
  inspection.token_file();
  inspection.directories();
  inspection.records();
  if (inspection.found_problems()) return kBadConfiguration;
  console.out << path << " is valid, and so is what it names; sandboxes: " << inspection.sandboxes() << "\n";
  return kSuccess;
}

}  // namespace sandgate::proxy::commands

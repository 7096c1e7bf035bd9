#include <config/load.hpp>
#include <proxy/commands/configuration.hpp>
#include <proxy/printable.hpp>
#include <proxy/registry/make_source.hpp>

#include <filesystem>
#include <memory>
#include <ostream>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace sandgate::proxy::commands {

std::optional<config::Config> load_configuration(const std::string& path, std::ostream& err) {
  config::Loaded loaded = config::load_file(path);
  if (auto* config = std::get_if<config::Config>(&loaded)) return std::move(*config);
  for (const config::Problem& problem : std::get<std::vector<config::Problem>>(loaded)) {
    err << problem.to_string() << "\n";
  }
  return std::nullopt;
}

bool is_store_absent(const config::Config& config) {
  std::error_code error;
  return config.registry.source == config::RegistrySource::store &&
         !std::filesystem::exists(config.registry.store.path, error) && !error;
}

std::optional<std::string> load_records(const config::Config& config, registry::Registry& registry,
                                        const std::function<void(registry::Source& source)>& use) {
  if (is_store_absent(config)) return std::nullopt;
  const std::unique_ptr<registry::Source> source = registry::make_source(config, registry);
  if (!source) return "registry.source: this build has no such source; write store, file, redis or kubernetes";
  if (auto failed = source->load()) return std::move(failed->text);
  if (use) use(*source);
  return std::nullopt;
}

std::string describe(std::string_view id, const registry::RecordError& error) {
  const std::string field = error.field.empty() ? "" : error.field + ": ";
  return printable("sandbox " + std::string(id) + ": " + field + error.text);
}

}  // namespace sandgate::proxy::commands

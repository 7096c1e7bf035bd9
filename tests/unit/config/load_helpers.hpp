// load_helpers: loading a text in a test, and saying what came of it in few words.
#pragma once

#include <config/load.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sandgate::config {

/// What every configuration must have.
inline const std::string kLeast = "domains: [sandbox.test]\nlisteners: [{address: 0.0.0.0:8443}]\n";

inline std::vector<std::string> texts_of(const std::vector<Problem>& problems) {
  std::vector<std::string> texts;
  for (const Problem& problem : problems) texts.push_back(problem.to_string());
  return texts;
}

/// The problems as people see them; none when it loads.
inline std::vector<std::string> problems_of(std::string_view yaml) {
  const Loaded loaded = load(yaml, "edge.yaml");
  const auto* problems = std::get_if<std::vector<Problem>>(&loaded);
  return problems == nullptr ? std::vector<std::string>{} : texts_of(*problems);
}

inline Config config_of(std::string_view yaml) {
  Loaded loaded = load(yaml, "edge.yaml");
  if (const auto* problems = std::get_if<std::vector<Problem>>(&loaded)) {
    CAPTURE(yaml, texts_of(*problems));
    FAIL("the configuration does not load");
  }
  return std::get<Config>(std::move(loaded));
}

using Texts = std::vector<std::string>;

}  // namespace sandgate::config

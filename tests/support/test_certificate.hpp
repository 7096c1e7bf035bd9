// test_certificate: self-signed certificates made on the spot, as PEM files in a folder.
#pragma once

#include <config/config.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace sandgate::tests {

/// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Writes NAME.crt and NAME.key: a P-256 certificate for `dns_name`, valid from an hour ago until `seconds_left` from
/// now (negative: it has expired).
config::Certificate make_certificate(const std::filesystem::path& folder, const std::string& name,
                                     const std::string& dns_name, std::int64_t seconds_left = 3600);

}  // namespace sandgate::tests

#include <proxy/commands/commands.hpp>
#include <proxy/registry/sqlite.hpp>

#include <boost/version.hpp>
#include <openssl/crypto.h>

#include <filesystem>
#include <gnu/libc-version.h>
#include <iomanip>
#include <link.h>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sandgate::proxy::commands {
namespace {

/// Shared libraries that cannot be asked for their version, but whose file names say it: libyaml-cpp.so.0.7.0.
constexpr std::string_view kNamedLibraries[] = {"libboost_json", "libyaml-cpp", "libprometheus-cpp-core",
                                                "libnghttp2",    "libhiredis",  "libstdc++"};

#if defined(__clang__)
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "g++ " __VERSION__;
#endif

int note_path(dl_phdr_info* info, std::size_t /*size*/, void* paths) {
  if (*info->dlpi_name != '\0') static_cast<std::vector<std::string>*>(paths)->emplace_back(info->dlpi_name);
  return 0;
}

/// The file names of all shared libraries in this process, links followed.
std::vector<std::string> loaded_files() {
  std::vector<std::string> paths;
  dl_iterate_phdr(note_path, &paths);
  for (std::string& path : paths) {
    std::error_code error;
    const auto file = std::filesystem::canonical(path, error);
    path = (error ? std::filesystem::path(path) : file).filename();
  }
  return paths;
}

void print(std::ostream& out, std::string_view name, std::string_view version) {
  out << std::left << std::setw(24) << name << version << "\n";
}

}  // namespace

int version(Arguments arguments, Console& console) {
  const Syntax syntax("sandgate version",
                      "Prints the version, the compiler, and the versions of the libraries this process runs with.");
  if (!syntax.read(arguments, console)) return kSuccess;
  print(console.out, "sandgate", SANDGATE_VERSION);
  print(console.out, "compiler", kCompiler);
  print(console.out, "glibc", gnu_get_libc_version());
  print(console.out, "boost headers",
        std::to_string(BOOST_VERSION / 100'000) + "." + std::to_string(BOOST_VERSION / 100 % 1'000) + "." +
            std::to_string(BOOST_VERSION % 100));
  print(console.out, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
  print(console.out, "sqlite", registry::sqlite::Database(":memory:").scalar_text("SELECT sqlite_version()"));
  const std::vector<std::string> files = loaded_files();
  for (const std::string_view library : kNamedLibraries) {
    const std::string prefix = std::string(library) + ".so.";
    for (const std::string& file : files) {
      if (file.starts_with(prefix)) print(console.out, library, file.substr(prefix.size()));
    }
  }
  return kSuccess;
}

}  // namespace sandgate::proxy::commands

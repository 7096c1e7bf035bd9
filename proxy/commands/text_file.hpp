// text_file: small files that an operator names on the command line or in the configuration.
#pragma once

#include <string>

namespace sandgate::proxy::commands {

/// The whole file. Throws std::system_error with the path and the reason.
std::string read_file(const std::string& path);

/// A bearer token: the file without white space around it.
std::string read_token(const std::string& path);

}  // namespace sandgate::proxy::commands

#include <proxy/commands/text_file.hpp>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

namespace sandgate::proxy::commands {

std::string read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file.is_open() && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad() || text.fail()) {
    throw std::system_error(errno, std::generic_category(), "cannot read " + path);
  }
  return std::move(text).str();
}

std::string read_token(const std::string& path) {
  constexpr const char* kWhiteSpace = " \t\r\n";
  const std::string text = read_file(path);
  const std::size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
}

}  // namespace sandgate::proxy::commands

#include <auth/credentials.hpp>

namespace sandgate::auth {

void Credentials::present(std::string_view token) {
  if (token.empty()) return;
  if (token_.empty()) {
    token_ = token;
  } else if (token != token_) {
    contradictory_ = true;
  }
}

}  // namespace sandgate::auth

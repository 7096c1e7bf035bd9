// credentials: what a request presented, as views into its head.
#pragma once

#include <string_view>

namespace sandgate::auth {

/// Every value of the token header of one request is handed to `present`. Empty is missing; the same value again
/// changes nothing; a different value makes the credentials contradictory, which is invalid (contract 3).
class Credentials {
 public:
  void present(std::string_view token);

  bool is_missing() const { return token_.empty() && !contradictory_; }
  bool is_contradictory() const { return contradictory_; }
  std::string_view token() const { return token_; }

 private:
  std::string_view token_;
  bool contradictory_ = false;
};

}  // namespace sandgate::auth

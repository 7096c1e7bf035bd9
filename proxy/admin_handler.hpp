// admin_handler: what the admin and health listeners do with an exchange: the whole request in, one answer out.
#pragma once

#include <proxy/admin.hpp>
#include <proxy/exchange.hpp>

#include <functional>
#include <string>

namespace sandgate::proxy {

class AdminHandler final : public ExchangeHandler {
 public:
  using Answer = std::function<AdminResponse(const AdminRequest&)>;

  explicit AdminHandler(Answer answer) : answer_(std::move(answer)) {}
  Task<void> handle(Exchange& exchange) override;

 private:
  Answer answer_;
};

}  // namespace sandgate::proxy

#include <proxy/registry/kubernetes/api.hpp>

#include <algorithm>
#include <utility>
#include <variant>

namespace sandgate::proxy::registry::kubernetes {
namespace {

constexpr std::chrono::milliseconds kNap{50};

Connection::Head failed(std::string problem) {
  Connection::Head head;
  head.problem = std::move(problem);
  return head;
}

}  // namespace

Task<void> rest(Loop& loop, std::chrono::milliseconds pause, const bool& is_stopping) {
  const TimePoint until = loop.now() + pause;
  while (!is_stopping && loop.now() < until) co_await Sleep(loop, std::min(until, loop.now() + kNap));
}

Task<Connection::Head> Api::get(std::string target, TimePoint deadline) {
  const auto read = read_access(config_);
  if (const auto* problem = std::get_if<std::string>(&read)) co_return failed(*problem);
  const auto& access = std::get<Access>(read);
  const std::string path = access.path_prefix + target;
  const std::string server = access.server.host + ":" + std::to_string(access.server.port);
  ++requests_;
  if (connection_ && connection_->is_reusable() && connection_->server() == access.server) {
    Connection::Head head = co_await connection_->get(path, access.token, deadline);
    // The server may have closed it meanwhile: that says nothing against the server.
    if (head.status != 0) co_return head;
  }
  drop();
  const std::string why = co_await connect(access.server);
  if (!why.empty()) co_return failed("the API server at " + server + " cannot be reached: " + why);
  Connection::Head head = co_await connection_->get(path, access.token, deadline);
  if (head.status == 0) head.problem = "the API server at " + server + ": " + head.problem;
  co_return head;
}

Task<std::string> Api::connect(Server server) {
  if (is_stopping_) co_return "stopping";
  const auto addresses = co_await resolver_.resolve(server.host);
  if (is_stopping_) co_return "stopping";
  connection_ = std::make_unique<Connection>(loop_, buffers_);
  std::string why = co_await connection_->open(server, addresses);
  if (why.empty() && is_stopping_) why = "stopping";
  co_return why;
}

void Api::drop() {
  if (connection_) connection_->abort();
  connection_.reset();
}

void Api::stop() {
  is_stopping_ = true;
  if (connection_) connection_->abort();
}

}  // namespace sandgate::proxy::registry::kubernetes

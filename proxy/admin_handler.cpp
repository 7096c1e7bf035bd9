#include <proxy/admin_handler.hpp>

namespace sandgate::proxy {
namespace {

struct WholeBody {
  std::string bytes;
  bool is_too_large = false;
};

Task<Result<WholeBody>> read_body(Exchange& exchange) {
  WholeBody body;
  const bool has_body = exchange.request().body.kind != http::BodyLength::Kind::none;
  for (bool is_last = !has_body; !is_last;) {
    const Result<Part> part = co_await exchange.body().read();
    if (part.has_error()) co_return part.error();
    is_last = part->is_last;
    if (body.bytes.size() + part->bytes.size() > Admin::kMaxBody) {
      body.is_too_large = true;
      co_return body;
    }
    body.bytes.append(part->bytes);
  }
  co_return body;
}

AdminResponse refusal(std::uint16_t status, std::string_view text) {
  AdminResponse response;
  response.status = status;
  response.body = R"({"error":")" + std::string(text) + "\"}\n";
  return response;
}

Task<void> send(Exchange& exchange, const AdminResponse& answer) {
  http::ResponseHead head(exchange.memory());
  head.status = answer.status;
  if (!answer.content_type.empty()) head.fields.add("Content-Type", answer.content_type);
  if (!answer.allow.empty()) head.fields.add("Allow", answer.allow);
  if (!answer.www_authenticate.empty()) head.fields.add("WWW-Authenticate", answer.www_authenticate);
  head.fields.add("Cache-Control", "no-store");
  head.fields.add("X-Content-Type-Options", "nosniff");
  head.body = {http::BodyLength::Kind::length, answer.body.size()};
  const bool has_body = exchange.request().method != "HEAD" && !answer.body.empty();
  const Result<void> sent = co_await exchange.send_head(head, has_body ? Flush::with_next : Flush::now);
  if (sent.has_error() || !has_body) co_return;
  const Part body{answer.body, nullptr, true};
  static_cast<void>(co_await exchange.response().write(body));
}

}  // namespace

Task<void> AdminHandler::handle(Exchange& exchange) {
  AdminResponse answer;
  if (exchange.parse_failure()) {
    const FailureRow& failure = row(*exchange.parse_failure());
    exchange.close_after();
    answer = refusal(failure.status, failure.message);
  } else {
    const Result<WholeBody> body = co_await read_body(exchange);
    if (body.has_error()) co_return exchange.abort(body.error());
    const http::RequestHead& request = exchange.request();
    const AdminRequest asked{request.method, request.target,    request.fields.value("authorization"),
                             body->bytes,    request.authority, request.fields.find("origin") != nullptr};
    if (body->is_too_large) exchange.close_after();
    answer = body->is_too_large ? refusal(413, "the body is larger than 1 MiB") : answer_(asked);
  }
  co_await send(exchange, answer);
}

}  // namespace sandgate::proxy

#include <proxy/http/arena_text.hpp>
#include <proxy/http/h1_bytes.hpp>
#include <proxy/http/page.hpp>
#include <proxy/http/refusal.hpp>
#include <proxy/json_text.hpp>

#include <boost/algorithm/string/replace.hpp>

#include <algorithm>
#include <cassert>
#include <limits>

namespace sandgate::proxy::http {
namespace {

/// A text of the table with its placeholders filled in.
std::string fill(std::string_view text, const RefusalScene& scene) {
  std::string filled(text);
  boost::algorithm::replace_all(filled, "{limit}", std::to_string(scene.limit));
  boost::algorithm::replace_all(filled, "{port}", std::to_string(scene.port));
  boost::algorithm::replace_all(filled, "{header}", scene.token_header);
  return filled;
}

void append_member(std::string& json, std::string_view name, std::string_view text) {
  json.append(json.empty() ? "{\"" : ",\"").append(name).append("\":");
  append_json_string(json, text, std::numeric_limits<std::size_t>::max());
}

void append_member(std::string& json, std::string_view name, std::int64_t number) {
  json.append(json.empty() ? "{\"" : ",\"").append(name).append("\":").append(std::to_string(number));
}

/// The order of the keys is part of the contract.
std::string make_json(const FailureRow& failure, const RefusalScene& scene, std::string_view message) {
  using B = RefusalBody;
  const auto is = [&failure](auto... bodies) { return ((failure.body == bodies) || ...); };
  std::string json;
  if (is(B::json_sandbox, B::json_port, B::json_sandbox_limit)) append_member(json, "sandboxId", scene.sandbox_id);
  append_member(json, "message", message);
  if (is(B::json_port)) append_member(json, "port", scene.port);
  if (is(B::json_path)) append_member(json, "path", scene.path);
  append_member(json, "code", failure.status);
  if (is(B::json_limit, B::json_sandbox_limit)) append_member(json, "connectionLimit", scene.limit);
  return json.append("}");
}

/// Percent-encoding of the gRPC protocol: anything but printable ASCII, and `%` itself.
std::string_view grpc_message(std::string_view message, std::pmr::memory_resource* memory) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  ArenaText encoded(memory, message.size() * 3);
  for (std::size_t i = 0; i < message.size(); ++i) {
    const auto byte = static_cast<unsigned char>(message[i]);
    if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
      encoded.append(message.substr(i, 1));
    } else {
      encoded.append("%");
      encoded.append(kDigits.substr(byte >> 4, 1));
      encoded.append(kDigits.substr(byte & 0xf, 1));
    }
  }
  return encoded.view();
}

std::string_view number_text(std::uint64_t number, std::pmr::memory_resource* memory) {
  return concat(memory, {std::to_string(number)});
}

/// What an Origin field may say (RFC 6454 7.1), so that nothing else is ever echoed: `null`, or scheme://host[:port].
bool is_sane_origin(std::string_view origin) {
  constexpr std::size_t kMaxBytes = 512;
  if (origin == "null") return true;
  const std::size_t scheme_size = origin.find("://");
  if (scheme_size == std::string_view::npos || scheme_size == 0 || origin.size() > kMaxBytes) return false;
  const auto is_alphanumeric = [](char c) {
    return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
  };
  const auto consists_of = [&](std::string_view text, std::string_view others) {
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
  };
  return consists_of(origin.substr(0, scheme_size), "+-.") && consists_of(origin.substr(scheme_size + 3), "-._~:[]");
}

void add_cors(const RequestHead& request, Fields& fields) {
  if (!request.fields.find("origin")) return;
  fields.add("Vary", "Origin");
  const std::string_view origin = request.fields.value("origin");
  if (request.fields.count("origin") != 1 || !is_sane_origin(origin)) return;
  fields.add("Access-Control-Allow-Origin", origin);
  fields.add("Access-Control-Expose-Headers", "x-sandgate-reason, x-request-id, Retry-After");
}

/// One answer in the making.
class Answer {
 public:
  Answer(Failure failure, const RefusalScene& scene, std::pmr::memory_resource* memory, Refusal& refusal)
      : row_(row(failure)),
        format_(choose_format(failure, scene.request)),
        scene_(scene),
        memory_(memory),
        refusal_(refusal),
        message_(scene.text.empty() ? fill(row_.message, scene) : std::string(scene.text)) {}

  void make() {
    refusal_.head.status = format_ == RefusalFormat::grpc ? 200 : row_.status;
    refusal_.head.keep_alive = !row_.closes;
    make_content();
    set_length();
    add_common_fields();
    if (scene_.request) add_cors(*scene_.request, fields());
  }

 private:
  Fields& fields() { return refusal_.head.fields; }

  void make_content() {
    switch (format_) {
      case RefusalFormat::text:
        fields().add("Content-Type", "text/plain; charset=utf-8");
        refusal_.body.append(message_).append("\n");
        return;
      case RefusalFormat::json:
        fields().add("Content-Type", "application/json; charset=utf-8");
        refusal_.body.append(make_json(row_, scene_, message_));
        return;
      case RefusalFormat::html:
        return make_page();
      case RefusalFormat::grpc:
        // Trailers-Only: the trailers are the head's fields, and there is no body.
        fields().add("Content-Type", "application/grpc");
        fields().add("grpc-status", number_text(static_cast<std::uint64_t>(grpc_status(row_.status)), memory_));
        fields().add("grpc-message", grpc_message(message_, memory_));
        return;
    }
  }

  void make_page() {
    const std::string title = fill(row_.page_title, scene_);
    const std::string advice = fill(row_.page_advice, scene_);
    Page page;
    page.title = title;
    page.advice = advice;
    page.status = row_.status;
    page.sandbox_id = scene_.sandbox_id;
    page.port = scene_.port;
    page.path = scene_.path;
    page.reason = row_.label;
    page.request_id = scene_.request_id;
    // Only what a reload can repeat harmlessly.
    page.watches = row_.failure == Failure::port_closed && scene_.request->method == "GET";
    fields().add("Content-Type", "text/html; charset=utf-8");
    fields().add("Content-Security-Policy", content_security_policy(page));
    append_page(refusal_.body, page);
  }

  void set_length() {
    const bool is_http_2 = scene_.request && scene_.request->version == Version::http_2;
    const bool ends_with_head = format_ == RefusalFormat::grpc && is_http_2;
    refusal_.head.body = {ends_with_head ? BodyLength::Kind::none : BodyLength::Kind::length, refusal_.body.size()};
    if (scene_.request && scene_.request->method == "HEAD") refusal_.body.clear();
  }

  void add_common_fields() {
    fields().add("Cache-Control", "no-store");
    fields().add("X-Content-Type-Options", "nosniff");
    if (row_.retry_after != 0) fields().add("Retry-After", number_text(row_.retry_after, memory_));
    if (row_.failure == Failure::method_not_allowed) {
      fields().add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");  // RFC 9110 15.5.6
    }
    fields().add("x-sandgate-reason", row_.label);
    fields().add("x-request-id", scene_.request_id);
  }

  const FailureRow& row_;
  RefusalFormat format_;
  const RefusalScene& scene_;
  std::pmr::memory_resource* memory_;
  Refusal& refusal_;
  std::string message_;
};

}  // namespace

void refuse(Failure failure, const RefusalScene& scene, std::pmr::memory_resource* memory, Refusal& refusal) {
  assert(row(failure).body != RefusalBody::none);
  Answer(failure, scene, memory, refusal).make();
}

}  // namespace sandgate::proxy::http

// Every field of the client is judged once, by what its name means; then the edge's own are added.
#include <proxy/http/arena_text.hpp>
#include <proxy/http/cdn_loop.hpp>
#include <proxy/http/connection_names.hpp>
#include <proxy/http/field_name.hpp>
#include <proxy/http/h1_fields.hpp>
#include <proxy/http/public_origin.hpp>
#include <proxy/http/rewrite.hpp>

#include <array>
#include <charconv>
#include <string>

namespace sandgate::proxy::http {
namespace {

constexpr std::size_t kOwnFields = 7;

/// The Host the sandbox sees.
std::string_view host_for(const RequestHead& request, const Scene& scene, std::pmr::memory_resource* memory) {
  if (scene.via_node) return scene.node_host.empty() ? request.authority : scene.node_host;
  if (!scene.mask) return request.authority;
  std::pmr::string masked(memory);
  scene.mask->append_to(masked, scene.sandbox_port);
  return concat(memory, {masked});
}

/// Whether a name that becomes this one when `_` is read as `-` could be taken for the edge's word.
bool is_edge_word(NameKind kind) {
  switch (kind) {
    case NameKind::transfer_encoding:
    case NameKind::content_length:
    case NameKind::forwarded_for:
    case NameKind::forwarded_host:
    case NameKind::forwarded_proto:
    case NameKind::forwarded_port:
    case NameKind::forwarded_other:
    case NameKind::impostor:
    case NameKind::routing:
    case NameKind::cdn_loop:
    case NameKind::request_id:
      return true;
    default:
      return false;
  }
}

bool has_trailers_member(std::string_view te) {
  while (!te.empty()) {
    if (equal_ignoring_case(take_element(te), "trailers")) return true;
  }
  return false;
}

class RequestRewriter {
 public:
  RequestRewriter(const RequestHead& from, const Scene& scene, std::pmr::memory_resource* memory, RequestHead& to)
      : from_(from), scene_(scene), memory_(memory), to_(to), connection_names_(from.fields) {
    to_.fields.reserve(from.fields.size() + kOwnFields);
  }

  void pass(const Field& field) {
    if (is_same_name_or_twin(field.name, scene_.token_header)) {
      if (scene_.via_node && equal_ignoring_case(field.name, scene_.token_header)) add(field);
      return;
    }
    const NameMeaning meaning = meaning_of(field.name);
    if (!meaning.is_twin) {
      pass_by_kind(meaning.kind, field);
    } else if (!is_edge_word(meaning.kind)) {
      pass_unless_named(field);
    }
  }

  Result<void> finish() {
    if (passes_ >= kMostPasses) return Failure::loop_detected;
    add_forwarded();
    to_.fields.add("CDN-Loop", append_to_list("cdn-loop", scene_.edge_id));
    to_.fields.add("x-request-id", scene_.request_id);
    return {};
  }

 private:
  void pass_by_kind(NameKind kind, const Field& field) {
    switch (kind) {
      case NameKind::hop_by_hop:
      case NameKind::transfer_encoding:
      case NameKind::host:
      case NameKind::forwarded_for:
      case NameKind::forwarded_host:
      case NameKind::forwarded_proto:
      case NameKind::forwarded_port:
      case NameKind::impostor:
      case NameKind::request_id:
        return;
      case NameKind::te:
        return pass_te(field);
      case NameKind::content_length:
        return pass_content_length(field);
      case NameKind::expect:
        return pass_expect(field);
      case NameKind::forwarded_other:
        if (scene_.is_trusted_proxy) add(field);
        return;
      case NameKind::routing:
        if (scene_.via_node) add(field);
        return;
      case NameKind::cdn_loop:
        passes_ += count_passes(field.value, scene_.edge_id);
        return;
      case NameKind::origin:
      case NameKind::referer:
        return pass_unless_named({field.name, as_sandbox_url(field.value)});
      default:
        return pass_unless_named(field);
    }
  }

  void add(const Field& field) { to_.fields.add(field.name, field.value); }

  void pass_unless_named(const Field& field) {
    if (!connection_names_.contains(field.name)) add(field);
  }

  void pass_te(const Field& field) {
    if (has_te_ || !has_trailers_member(field.value)) return;
    has_te_ = true;
    to_.fields.add(field.name, "trailers");
  }

  // "0" is a message without a body that says so; of any other body the length is said by the writer.
  void pass_content_length(const Field& field) {
    if (from_.body.kind != BodyLength::Kind::none || has_content_length_) return;
    if (field.value.empty() || field.value.find_first_not_of('0') != std::string_view::npos) return;
    has_content_length_ = true;
    to_.fields.add(field.name, "0");
  }

  void pass_expect(const Field& field) {
    if (!from_.expects_continue || has_expect_) return;
    has_expect_ = true;
    to_.fields.add(field.name, "100-continue");
  }

  /// An Origin or Referer at the request's own public origin, as the service behind the mask would know it.
  std::string_view as_sandbox_url(std::string_view url) {
    if (!scene_.mask || scene_.via_node) return url;
    const std::optional<UrlParts> parts = split_url(url);
    const PublicOrigin own = public_origin(from_, scene_);
    if (!parts || !equal_ignoring_case(parts->scheme, own.scheme)) return url;
    if (!is_same_authority(parts->authority, own.authority, own.scheme)) return url;
    return concat(memory_, {"http://", to_.authority, parts->rest});
  }

  void add_forwarded() {
    const Believed believed = believed_fields(from_, scene_);
    const auto believed_or = [](std::string_view theirs, std::string_view own) {
      return theirs.empty() ? own : theirs;
    };
    to_.fields.add("X-Forwarded-For", scene_.is_trusted_proxy ? append_to_list("x-forwarded-for", scene_.client_address)
                                                              : scene_.client_address);
    to_.fields.add("X-Forwarded-Host", believed_or(believed.host, from_.authority));
    to_.fields.add("X-Forwarded-Proto", believed_or(believed.proto, scene_.is_tls ? "https" : "http"));
    to_.fields.add("X-Forwarded-Port", believed.port.empty() ? listener_port() : believed.port);
    to_.fields.add("X-Real-IP", scene_.client_address);
  }

  std::string_view listener_port() {
    std::array<char, 5> digits;
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), scene_.listener_port).ptr;
    return concat(memory_, {{digits.data(), static_cast<std::size_t>(end - digits.data())}});
  }

  /// The values the client gave under `name`, all lines as one list, with `own` behind them.
  std::string_view append_to_list(std::string_view name, std::string_view own) {
    constexpr std::string_view kComma = ", ";
    const auto is_given = [name](const Field& field) {
      return !field.value.empty() && equal_ignoring_case(field.name, name);
    };
    std::size_t given_size = 0;
    for (const Field& field : from_.fields) {
      if (is_given(field)) given_size += field.value.size() + kComma.size();
    }
    if (given_size == 0) return own;
    ArenaText list(memory_, given_size + own.size());
    for (const Field& field : from_.fields) {
      if (!is_given(field)) continue;
      list.append(field.value);
      list.append(kComma);
    }
    list.append(own);
    return list.view();
  }

  const RequestHead& from_;
  const Scene& scene_;
  std::pmr::memory_resource* memory_;
  RequestHead& to_;
  ConnectionNames connection_names_;
  std::size_t passes_ = 0;
  bool has_te_ = false;
  bool has_content_length_ = false;
  bool has_expect_ = false;
};

}  // namespace

Result<void> rewrite_request(const RequestHead& from, const Scene& scene, std::pmr::memory_resource* memory,
                             RequestHead& to) {
  to.method = from.method;
  to.target = from.target;
  to.authority = host_for(from, scene, memory);
  to.version = from.version;
  to.body = from.body;
  to.expects_continue = from.expects_continue;
  to.upgrade = from.upgrade;
  RequestRewriter rewriter(from, scene, memory, to);
  for (const Field& field : from.fields) rewriter.pass(field);
  return rewriter.finish();
}

}  // namespace sandgate::proxy::http

// No field of a response steers the edge: each is passed on, dropped, or has the places in it named as the client knows
// them.
#include <proxy/http/arena_text.hpp>
#include <proxy/http/connection_names.hpp>
#include <proxy/http/field_name.hpp>
#include <proxy/http/public_origin.hpp>
#include <proxy/http/rewrite.hpp>
#include <proxy/http/set_cookie.hpp>

#include <string>

namespace sandgate::proxy::http {
namespace {

constexpr std::uint16_t kNotModified = 304;

class ResponseRewriter {
 public:
  ResponseRewriter(const ResponseHead& from, const RequestHead& request, const Scene& scene,
                   std::pmr::memory_resource* memory, ResponseHead& to)
      : from_(from), request_(request), scene_(scene), memory_(memory), to_(to), connection_names_(from.fields) {
    to_.fields.reserve(from.fields.size() + 1);
  }

  void pass(const Field& field) {
    const NameMeaning meaning = meaning_of(field.name);
    switch (meaning.is_twin ? NameKind::other : meaning.kind) {
      case NameKind::hop_by_hop:
      case NameKind::te:
      case NameKind::transfer_encoding:
      case NameKind::alt_svc:
      case NameKind::edge_private:
      case NameKind::request_id:
        return;
      case NameKind::content_length:
        return pass_content_length(field);
      case NameKind::location:
        return pass_unless_named({field.name, as_client_url(field.value)});
      case NameKind::set_cookie:
        return pass_unless_named(
            {field.name, without_foreign_domain(field.value, host_of(request_.authority), memory_)});
      default:
        return pass_unless_named(field);
    }
  }

 private:
  void pass_unless_named(const Field& field) {
    if (!connection_names_.contains(field.name)) to_.fields.add(field.name, field.value);
  }

  // It passes where it tells of a body that is not sent (RFC 9110 8.6); of a body the length is said by the writer.
  void pass_content_length(const Field& field) {
    if (from_.body.kind != BodyLength::Kind::none || has_content_length_) return;
    if (from_.is_interim() || (request_.method != "HEAD" && from_.status != kNotModified)) return;
    has_content_length_ = true;
    to_.fields.add(field.name, field.value);
  }

  /// A URL at the masked host, as the client knows it. The service may think it speaks https.
  std::string_view as_client_url(std::string_view url) {
    if (!scene_.mask || scene_.via_node) return url;
    const std::optional<UrlParts> parts = split_url(url);
    if (!parts) return url;
    std::pmr::string masked(memory_);
    scene_.mask->append_to(masked, scene_.sandbox_port);
    if (!is_same_authority(parts->authority, masked, parts->scheme)) return url;
    const PublicOrigin own = public_origin(request_, scene_);
    return concat(memory_, {own.scheme, "://", own.authority, parts->rest});
  }

  const ResponseHead& from_;
  const RequestHead& request_;
  const Scene& scene_;
  std::pmr::memory_resource* memory_;
  ResponseHead& to_;
  ConnectionNames connection_names_;
  bool has_content_length_ = false;
};

}  // namespace

void rewrite_response(const ResponseHead& from, const RequestHead& request, const Scene& scene,
                      std::pmr::memory_resource* memory, ResponseHead& to) {
  to.status = from.status;
  to.reason = from.reason;
  to.version = from.version;
  to.body = from.body;
  ResponseRewriter rewriter(from, request, scene, memory, to);
  for (const Field& field : from.fields) rewriter.pass(field);
  if (!from.is_interim()) to.fields.add("x-request-id", scene.request_id);
}

}  // namespace sandgate::proxy::http

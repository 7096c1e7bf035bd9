#include <proxy/registry/kubernetes/json_text.hpp>
#include <proxy/registry/kubernetes/reflector.hpp>

#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sandgate::proxy::registry::kubernetes {
namespace {

namespace json = boost::json;
using config::KubernetesKind;

constexpr std::string_view kAgentSandboxGroup = "agents.x-k8s.io";
constexpr std::size_t kMaxGroupBytes = std::size_t{64} * 1024;
constexpr std::size_t kMetadataLevels = 4;  ///< Of an event: itself, its object, the metadata, what is in there.
constexpr const char* kTooDeep = "an object is nested deeper than 128 levels";
constexpr std::uint32_t kMaxFruitless = 3;
constexpr std::chrono::seconds kLivelyWatch{5};  ///< A watch that lasted so long is no part of a row of failures.
constexpr std::chrono::seconds kShortWatch{1};
constexpr std::chrono::seconds kMostRetryAfter{3600};

/// For a query: everything but what RFC 3986 calls unreserved is escaped.
std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved = "-._~";
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          kUnreserved.find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain) {
      out.push_back(c);
    } else {
      out.append({'%', kHex[byte >> 4U], kHex[byte & 0x0FU]});
    }
  }
  return out;
}

/// They were taken out. Null: there were none, as a server says it that never made a list.
bool is_without_items(const json::object& envelope) {
  const auto* items = envelope.if_contains("items");
  return items != nullptr && (items->is_null() || (items->is_array() && items->get_array().empty()));
}

/// It may be the place of the watch that is refused. Whatever else is said is about the edge or the moment, and a list for
/// every edge is the last thing that a server needs that has just come back.
bool is_about_place(int status) {
  constexpr int kBadRequest = 400;
  constexpr int kUnprocessable = 422;
  constexpr int kTimeout = 504;
  return status == kBadRequest || status == kUnprocessable || status == kTimeout;
}

std::string resource_version_of(const json::object& object) {
  const auto* metadata = object_in(object, "metadata");
  return metadata == nullptr ? std::string() : std::string(text_in(*metadata, "resourceVersion"));
}

}  // namespace

std::string choose_version(std::string_view api_group) {
  const json::value group = parse_object(api_group);
  const auto* object = group.if_object();
  const auto* versions = object == nullptr ? nullptr : array_in(*object, "versions");
  if (versions == nullptr) return {};
  for (const std::string_view known : {"v1beta1", "v1alpha1"}) {
    for (const json::value& one : *versions) {
      const auto* version = one.if_object();
      if (version != nullptr && text_in(*version, "version") == known) return std::string(known);
    }
  }
  return {};
}

Reflector::Reflector(Wanted wanted, Listener& listener, std::uint32_t seed, TimePoint now)
    : wanted_(std::move(wanted)),
      listener_(listener),
      backoff_(seed),
      stage_(Stage::list),
      version_(wanted_.version),
      exact_at_(now),
      heard_at_(now) {
  if (wanted_.kind == KubernetesKind::custom) return;
  const bool is_pods = wanted_.kind == KubernetesKind::pods;
  stage_ = is_pods ? Stage::list : Stage::find_version;
  wanted_.group = is_pods ? "" : kAgentSandboxGroup;
  wanted_.resource = is_pods ? "pods" : "sandboxes";
  version_ = is_pods ? "v1" : "";
  kind_ = is_pods ? "Pod" : "Sandbox";
}

// --- what to ask ----------------------------------------------------------------------------------------------------

std::string Reflector::base_path() const {
  std::string path = wanted_.group.empty() ? "/api/" : "/apis/" + wanted_.group + "/";
  path += version_;
  if (!wanted_.name_space.empty()) path += "/namespaces/" + wanted_.name_space;
  return path + "/" + wanted_.resource;
}

std::string Reflector::selector() const {
  std::string selector = wanted_.kind == KubernetesKind::pods ? std::string(kIdLabel) : std::string();
  if (!selector.empty() && !wanted_.label_selector.empty()) selector += ",";
  selector += wanted_.label_selector;
  return selector.empty() ? selector : "&labelSelector=" + escaped(selector);
}

Reflector::Request Reflector::next(TimePoint now) {
  begun_at_ = now;
  is_over_ = false;
  was_heard_ = false;
  is_page_begun_ = false;
  groups_.clear();
  Request request{{}, std::exchange(pause_, std::chrono::milliseconds::zero()), kListPatience};
  switch (stage_) {
    case Stage::find_version:
      splitter_.reset();
      request.target = "/apis/" + std::string(kAgentSandboxGroup);
      break;
    case Stage::list:
      splitter_.emplace(JsonSplitter::Shape::list);
      request.target = base_path() + "?limit=500" + selector();
      if (!continue_.empty()) request.target += "&continue=" + escaped(continue_);
      break;
    case Stage::watch:
      splitter_.emplace(JsonSplitter::Shape::documents);
      request.target = base_path() +
                       "?watch=true&allowWatchBookmarks=true&resourceVersion=" + escaped(resource_version_) +
                       "&timeoutSeconds=" + std::to_string(wanted_.watch_for.count()) + selector();
      request.patience = wanted_.watch_for + kWatchSlack;
      break;
  }
  begun_at_ += request.pause;
  return request;
}

// --- what came of it ------------------------------------------------------------------------------------------------

void Reflector::begin_list() {
  stage_ = Stage::list;
  continue_.clear();
  resource_version_.clear();
  is_round_open_ = false;
}

void Reflector::failed(const std::string& why, std::chrono::milliseconds wanted) {
  if (exact_at_ == kNever) exact_at_ = heard_at_;
  is_over_ = true;
  ++failures_;
  problem_ = why;
  pause_ = backoff_.next(wanted);
}

/// What came makes no sense: nothing of this response, and nothing that a watch would build on, is relied on.
void Reflector::broken(const std::string& why) {
  failed(why);
  begin_list();
}

void Reflector::fail(const std::string& why) { failed(why); }

Reflector::Begun Reflector::begin(int status, std::chrono::seconds retry_after, TimePoint now) {
  constexpr int kOk = 200;
  constexpr int kUnauthorized = 401;
  heard_at_ = now;
  if (status == kOk) {
    are_credentials_new_ = false;
    if (stage_ == Stage::watch) {
      exact_at_ = kNever;
      problem_.clear();
    }
    return Begun::read_body;
  }
  if (status == kUnauthorized && !std::exchange(are_credentials_new_, true)) {
    is_over_ = true;  // At once, with what the files hold now.
    return Begun::renew_credentials;
  }
  refused(status, retry_after);
  return status == kUnauthorized ? Begun::renew_credentials : Begun::leave_body;
}

void Reflector::refused(int status, std::chrono::seconds retry_after) {
  constexpr int kForbidden = 403;
  constexpr int kNotFound = 404;
  constexpr int kGone = 410;
  const std::string what = stage_ == Stage::find_version ? "/apis/" + wanted_.group : base_path();
  std::string why = "the API server answers " + std::to_string(status) + " for " + what;
  if (status == kForbidden) why += ": its role must allow list and watch there";
  if (status == kNotFound) why += ": it has no such resource";
  failed(why, std::min(retry_after, kMostRetryAfter));
  if (status == kGone || status == kNotFound) begin_list();
  if (status == kNotFound && wanted_.kind == KubernetesKind::agent_sandbox) stage_ = Stage::find_version;
  if (status == kNotFound && wanted_.kind == KubernetesKind::custom) kind_.clear();
  if (stage_ == Stage::watch && is_about_place(status) && ++fruitless_ >= kMaxFruitless) begin_list();
}

bool Reflector::take(std::string_view bytes, TimePoint now) {
  heard_at_ = now;
  if (is_over_) return false;
  if (stage_ == Stage::find_version) {
    groups_.append(bytes);
    if (groups_.size() > kMaxGroupBytes) broken("the API server's list of versions does not end");
    return !is_over_;
  }
  while (!is_over_) {
    const JsonSplitter::Piece piece = splitter_->take(bytes);
    switch (piece.kind) {
      case JsonSplitter::Piece::Kind::more:
        return true;
      case JsonSplitter::Piece::Kind::broken:
        broken("the API server sends what is no JSON");
        break;
      case JsonSplitter::Piece::Kind::oversized:
        listener_.skipped("an object is larger than 12 MiB");
        // Nobody knows which one it is: what is not in the list loses its route.
        if (stage_ == Stage::watch) broken("an object is larger than 12 MiB");
        break;
      case JsonSplitter::Piece::Kind::value:
        if (stage_ == Stage::list ? take_item(piece.text) : take_event(piece.text, now)) continue;
        break;
    }
  }
  return false;
}

void Reflector::end(Ended how, TimePoint now) {
  if (is_over_) return;
  switch (stage_) {
    case Stage::find_version:
      return end_of_groups(how);
    case Stage::list:
      return end_of_page(how);
    case Stage::watch:
      return end_of_watch(how, now);
  }
}

void Reflector::end_of_groups(Ended how) {
  if (how == Ended::cut) return failed("the connection to the API server broke");
  version_ = choose_version(groups_);
  if (version_.empty()) {
    return failed("the API server serves neither v1beta1 nor v1alpha1 of agents.x-k8s.io");
  }
  begin_list();
}

// --- lists ----------------------------------------------------------------------------------------------------------

/// True: and on to the next.
bool Reflector::take_item(std::string_view text) {
  if (!std::exchange(is_page_begun_, true)) is_kind_said_ = is_kind_said_before_items();
  constexpr std::size_t kUsual = std::size_t{16} * 1024;
  std::array<unsigned char, kUsual> buffer;
  json::monotonic_resource storage(buffer.data(), buffer.size());
  const Parsed parsed = parse(text, &storage);
  const auto* object = parsed.value.if_object();
  if (object == nullptr && !parsed.is_too_deep) {
    broken("the API server sends a list that is no JSON");
    return false;
  }
  if (!std::exchange(is_round_open_, true)) listener_.begin_round();
  if (parsed.is_too_deep) {
    listener_.skipped(kTooDeep);  // Whoever may write one such object must not stop the list of all others.
    return true;
  }
  const auto name = name_of(*object);
  if (name && is_ours(*object, is_kind_said_)) {
    listener_.seen(*object, *name);
  } else {
    listener_.skipped("a list holds what does not belong there");
  }
  return true;
}

void Reflector::end_of_page(Ended how) {
  if (how == Ended::cut || !splitter_->is_at_end()) return failed("the API server's list was cut off");
  const json::value parsed = parse_object(splitter_->envelope());
  const auto* envelope = parsed.if_object();
  const auto* metadata = envelope == nullptr ? nullptr : object_in(*envelope, "metadata");
  if (metadata == nullptr || !is_without_items(*envelope) || !learn_kind(*envelope)) {
    return broken("the API server sends no list of " + (kind_.empty() ? wanted_.resource : kind_));
  }
  if (!std::exchange(is_round_open_, true)) listener_.begin_round();
  continue_ = text_in(*metadata, "continue");
  if (!continue_.empty()) return;
  resource_version_ = text_in(*metadata, "resourceVersion");
  if (resource_version_.empty()) return broken("the API server sends a list without its version");
  listener_.end_round();
  is_round_open_ = false;
  is_listed_ = true;
  fruitless_ = 0;
  stage_ = Stage::watch;
}

/// Core resources say what they are once, before their items; others with each.
bool Reflector::is_kind_said_before_items() {
  const json::value parsed = parse_object(std::string(splitter_->envelope()) + "]}");
  const auto* envelope = parsed.if_object();
  return envelope != nullptr && learn_kind(*envelope);
}

/// True: it is a list of the objects that are wanted.
bool Reflector::learn_kind(const json::object& envelope) {
  constexpr std::string_view kList = "List";
  std::string_view kind = text_in(envelope, "kind");
  if (kind.size() <= kList.size() || !kind.ends_with(kList)) return false;
  kind.remove_suffix(kList.size());
  if (text_in(envelope, "apiVersion") != api_version()) return false;
  if (kind_.empty()) kind_ = kind;
  return kind == kind_;
}

std::string Reflector::api_version() const { return wanted_.group.empty() ? version_ : wanted_.group + "/" + version_; }

/// Of the group, version and kind that were asked for, and from where they were asked for. `is_bare_fine`: it need not
/// say what it is.
bool Reflector::is_ours(const json::object& object, bool is_bare_fine) const {
  const std::string_view kind = text_in(object, "kind");
  const std::string_view version = text_in(object, "apiVersion");
  const bool is_bare = kind.empty() && version.empty();
  const bool is_right = (kind_.empty() ? !kind.empty() : kind == kind_) && version == api_version();
  const auto* metadata = object_in(object, "metadata");
  const bool is_there =
      wanted_.name_space.empty() || (metadata != nullptr && text_in(*metadata, "namespace") == wanted_.name_space);
  return is_there && (is_right || (is_bare && is_bare_fine));
}

// --- watches --------------------------------------------------------------------------------------------------------

bool Reflector::take_event(std::string_view text, TimePoint now) {
  constexpr std::size_t kUsual = std::size_t{16} * 1024;
  std::array<unsigned char, kUsual> buffer;
  json::monotonic_resource storage(buffer.data(), buffer.size());
  Parsed parsed = parse(text, &storage);
  const bool is_too_deep = parsed.is_too_deep;
  if (is_too_deep) {
    listener_.skipped(kTooDeep);
    parsed = parse(shallow(text, kMetadataLevels), &storage);
  }
  const auto* event = parsed.value.if_object();
  const auto* object = event == nullptr ? nullptr : object_in(*event, "object");
  if (object == nullptr) {
    broken("the API server sends an event that is none");
    return false;
  }
  std::string_view type = text_in(*event, "type");
  // It loses its route, as it would by a list. Whoever may write one such object must not end the watch of all others.
  if (is_too_deep && (type == "ADDED" || type == "MODIFIED")) type = "DELETED";
  return type == "ERROR" ? take_error(*object) : take_change(type, *object, now);
}

bool Reflector::take_error(const json::object& status) {
  constexpr std::int64_t kGone = 410;
  const auto* code = status.if_contains("code");
  const bool is_gone = (code != nullptr && code->is_int64() && code->get_int64() == kGone) ||
                       text_in(status, "reason") == "Expired" || text_in(status, "reason") == "Gone";
  failed(is_gone ? "the API server has forgotten where the watch was" : "the API server ended the watch");
  if (is_gone || ++fruitless_ >= kMaxFruitless) begin_list();
  return false;
}

bool Reflector::take_change(std::string_view type, const json::object& object, TimePoint now) {
  const std::string version = resource_version_of(object);
  const auto name = name_of(object);
  const bool is_change = type == "ADDED" || type == "MODIFIED" || type == "DELETED";
  const bool is_bookmark = type == "BOOKMARK";
  if (version.empty() || !(is_bookmark || is_change) || (is_change && (!name || !is_ours(object, false)))) {
    broken("the API server sends an event that does not belong to this watch");
    return false;
  }
  if (type == "DELETED") {
    listener_.lost(*name);
  } else if (is_change) {
    listener_.seen(object, *name);
  }
  resource_version_ = version;
  was_heard_ = true;
  fruitless_ = 0;
  if (now - begun_at_ >= kLivelyWatch) backoff_.reset();
  return true;
}

void Reflector::end_of_watch(Ended how, TimePoint now) {
  const auto lasted = now - begun_at_;
  const bool is_early = !was_heard_ && lasted < kShortWatch;
  if (how == Ended::whole && !is_early && splitter_->is_at_end()) return backoff_.reset();
  const bool is_lively = lasted >= kLivelyWatch;  // A balancer cuts what is silent: nothing had happened.
  if (is_lively) backoff_.reset();
  failed(how == Ended::cut ? "the watch broke off" : "the API server ends watches at once");
  if (!was_heard_ && !is_lively && ++fruitless_ >= kMaxFruitless) begin_list();
}

}  // namespace sandgate::proxy::registry::kubernetes

#include <proxy/upstream/h2_links.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace sandgate::proxy::upstream {

H2Links::~H2Links() {
  for (auto& [key, group] : groups_) {
    for (std::unique_ptr<H2Link>& link : group.links) drop(std::move(link));
  }
}

H2Links::Group& H2Links::group_for(const Destination& destination) {
  const auto found = groups_.find(destination);
  return found != groups_.end() ? found->second : groups_[PoolKey::of(destination)];
}

H2Link* H2Links::find_room(const Group& group) {
  const auto found =
      std::find_if(group.links.begin(), group.links.end(), [](const auto& link) { return link->has_room(); });
  return found != group.links.end() ? found->get() : nullptr;
}

Task<Result<H2Link*>> H2Links::open(const Destination& destination, Reuse reuse, Attempt& attempt) {
  for (;;) {
    const auto entry = groups_.find(destination);
    const bool is_known = entry != groups_.end();
    H2Link* const link = is_known && reuse == Reuse::allowed ? find_room(entry->second) : nullptr;
    if (link != nullptr) co_return link;
    const bool must_dial = !is_known || entry->second.dials == 0 || reuse == Reuse::fresh_only;
    if (must_dial) co_return co_await dial(destination, attempt);
    const std::optional<Failure> failure = co_await wait(entry->second, attempt);
    if (!failure) continue;
    forget_if_unused(groups_.find(destination));
    co_return *failure;
  }
}

/// A dial under way, however it ends: those who wait for it look again then.
class H2Links::Dial final {
 public:
  Dial(H2Links& links, const Destination& destination) : links_(links), destination_(destination) {
    ++links_.group_for(destination_).dials;
  }
  ~Dial() {
    const auto entry = links_.groups_.find(destination_);
    --entry->second.dials;
    for (Waiting& waiting : entry->second.waiting) waiting.signal.set();
    links_.forget_if_unused(entry);
  }
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;
  Group& group() const { return links_.groups_.find(destination_)->second; }

 private:
  H2Links& links_;
  const Destination& destination_;
};

Task<Result<H2Link*>> H2Links::dial(const Destination& destination, Attempt& attempt) {
  const Dial under_way(*this, destination);
  Result<std::unique_ptr<Connection>> dialled = co_await dialler_.dial_new(destination, attempt);
  Group& group = under_way.group();
  if (dialled.has_error()) {
    const bool is_theirs_too = dialled.error() != Failure::client_closed;
    for (Waiting& waiting : group.waiting) {
      if (is_theirs_too) waiting.failure = dialled.error();
    }
    co_return dialled.error();
  }
  co_return add_link(group, *std::move(dialled));
}

/// The pool counts the connection: without memory for a link it is to be told that it is over.
H2Link* H2Links::add_link(Group& group, std::unique_ptr<Connection> connection) {
  try {
    H2Link::Keeper& keeper = *this;
    group.links.reserve(group.links.size() + 1);
    group.links.push_back(std::make_unique<H2Link>(std::move(connection), environment_, keeper));
    return group.links.back().get();
  } catch (const std::bad_alloc&) {
    dialler_.discard(std::move(connection));
    throw;
  }
}

/// Until the dial that is under way has ended. Its failure, or nothing: look again.
Task<std::optional<Failure>> H2Links::wait(Group& group, Attempt& attempt) {
  Waiting waiting(loop_);
  group.waiting.push_back(waiting);
  attempt.wait_on(&waiting.signal);
  co_await waiting.signal.wait();
  attempt.wait_on(nullptr);
  if (attempt.is_abandoned()) co_return Failure::client_closed;
  co_return waiting.failure;
}

void H2Links::drop(std::unique_ptr<H2Link> link) {
  std::unique_ptr<Connection> connection = link->take_connection();
  link.reset();
  dialler_.discard(std::move(connection));
}

void H2Links::forget_if_unused(Groups::iterator entry) {
  if (entry != groups_.end() && entry->second.is_unused()) groups_.erase(entry);
}

void H2Links::link_ended(H2Link& link) {
  const auto entry = groups_.find(link.shelf().key);
  auto& links = entry->second.links;
  const auto at = std::find_if(links.begin(), links.end(), [&](const auto& one) { return one.get() == &link; });
  std::unique_ptr<H2Link> owned = std::move(*at);
  links.erase(at);
  forget_if_unused(entry);
  drop(std::move(owned));
}

void H2Links::end_generation(const routing::SandboxId& id, std::string_view generation) {
  for (auto& [key, group] : groups_) {
    if (key.id != id || key.generation == generation) continue;
    for (const auto& link : group.links) link->abort();
  }
}

}  // namespace sandgate::proxy::upstream

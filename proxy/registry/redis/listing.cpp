#include <proxy/registry/redis/listing.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::proxy::registry::redis {
namespace {

/// One of the first `limit` after `after`, among those seen so far.
void take(PageFound& page, const PageWanted& wanted, std::string_view key) {
  if (!key.starts_with(wanted.key_prefix)) return;
  std::string id(key.substr(wanted.key_prefix.size()));
  if (id <= wanted.after) return;
  page.ids.insert(std::move(id));
  if (page.ids.size() > wanted.limit) page.ids.erase(std::prev(page.ids.end()));
}

/// The next cursor; empty: the server did not answer as it should.
std::string take_page(PageFound& page, const PageWanted& wanted, const Reply& reply) {
  const bool is_page = reply.elements.size() == 2 && reply.elements[0].kind == Reply::Kind::text;
  if (!is_page) return {};
  for (const Reply& key : reply.elements[1].elements) take(page, wanted, key.text);
  return reply.elements[0].text;
}

/// Asked for anew after every wait: a master that the cluster dismissed is gone soon after.
Link* master_at(Nodes& nodes, const Link::Place& place) {
  const std::vector<Link*> masters = nodes.masters();
  const auto found = std::ranges::find_if(masters, [&](const Link* master) { return master->place() == place; });
  return found != masters.end() ? *found : nullptr;
}

}  // namespace

Task<boost::system::result<PageFound, Source::Failed>> list_ids(Loop& loop, Nodes& nodes, PageWanted wanted,
                                                                TimePoint deadline) {
  PageFound page;
  std::vector<Link::Place> places;
  for (const Link* master : nodes.masters()) places.push_back(master->place());
  for (const Link::Place& place : places) {
    std::string cursor = "0";
    do {
      if (loop.now() >= deadline) co_return Source::Failed{"there are too many keys to list; use redis-cli --scan"};
      Link* const master = master_at(nodes, place);
      if (master == nullptr) co_return Source::Failed{"the masters of the Redis cluster changed; try again"};
      if (!master->is_usable()) co_return Source::Failed{"Redis at " + place.text() + " cannot be asked now"};
      Asked asked(loop, master->asking(), scan(cursor, wanted.key_prefix), 1);
      co_await asked;
      cursor = asked.is_lost() ? std::string() : take_page(page, wanted, asked.replies().front());
      if (cursor.empty()) co_return Source::Failed{"Redis at " + place.text() + " did not answer a SCAN"};
    } while (cursor != "0");
  }
  co_return page;
}

}  // namespace sandgate::proxy::registry::redis

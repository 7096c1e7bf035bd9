#include <proxy/registry/redis/listing.hpp>

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

}  // namespace

Task<boost::system::result<PageFound, Source::Failed>> list_ids(Loop& loop, Nodes& nodes, PageWanted wanted,
                                                                TimePoint deadline) {
  PageFound page;
  const std::vector<Link*> masters = nodes.masters();
  for (Link* master : masters) {
    std::string cursor = "0";
    do {
      if (loop.now() >= deadline) co_return Source::Failed{"there are too many keys to list; use redis-cli --scan"};
      if (!master->is_usable()) co_return Source::Failed{"Redis at " + master->place().text() + " cannot be asked now"};
      Asked asked(loop, master->asking(), scan(cursor, wanted.key_prefix), 1);
      co_await asked;
      cursor = asked.is_lost() ? std::string() : take_page(page, wanted, asked.replies().front());
      if (cursor.empty()) co_return Source::Failed{"Redis at " + master->place().text() + " did not answer a SCAN"};
    } while (cursor != "0");
  }
  co_return page;
}

}  // namespace sandgate::proxy::registry::redis

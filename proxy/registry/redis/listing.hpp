// listing: a page of ids in order, out of a server that has none: every key is looked at, and the first ones kept.
#pragma once

#include <proxy/base/task.hpp>
#include <proxy/registry/redis/catalog.hpp>

#include <set>
#include <string>
#include <vector>

namespace sandgate::proxy::registry::redis {

struct PageWanted {
  std::string after;
  std::size_t limit = 0;
  std::string key_prefix;
};

struct PageFound {
  std::set<std::string, std::less<>> ids;
};

/// From every master. Fails when one of them cannot be asked, or `deadline` passes.
Task<boost::system::result<PageFound, Source::Failed>> list_ids(Loop& loop, Nodes& nodes, PageWanted wanted,
                                                                TimePoint deadline);

}  // namespace sandgate::proxy::registry::redis

// orders: commands that somebody waits for (the admin API's), carried out where their key is, however often the cluster
// says that it is elsewhere. On the source's thread.
#pragma once

#include <proxy/base/task.hpp>
#include <proxy/registry/redis/catalog.hpp>

#include <boost/system/result.hpp>

#include <string>
#include <vector>

namespace sandgate::proxy::registry::redis {

struct Order {
  std::string key;
  std::string text;  ///< One command.
};

/// Where and with what it is carried out.
struct Office {
  Loop& loop;
  Nodes& nodes;
  Catalog& catalog;
};

using Replies = boost::system::result<std::vector<Reply>, Source::Failed>;

/// The replies, in order; Failed when one of the commands was refused or lost, whatever became of the others. What was
/// ordered for a record is seen by every lookup that begins after this ended.
Task<Replies> carry_out(Office office, std::vector<Order> orders);

}  // namespace sandgate::proxy::registry::redis

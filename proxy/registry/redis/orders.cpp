#include <proxy/registry/redis/orders.hpp>

#include <deque>
#include <utility>

namespace sandgate::proxy::registry::redis {
namespace {

constexpr int kMostRedirections = 5;

Reply refusal(std::string text) {
  Reply reply;
  reply.kind = Reply::Kind::error;
  reply.text = std::move(text);
  return reply;
}

Task<void> carry_out_one(Office office, const Order& order, Reply& reply) {
  Link* link = office.nodes.writer_for(order.key);
  std::string preface;
  for (int tries = 0; tries < kMostRedirections; ++tries) {
    if (link == nullptr) break;
    Asked asked(office.loop, link->asking(), preface + order.text, preface.empty() ? 1 : 2);
    co_await asked;
    reply =
        asked.is_lost() ? refusal("the connection ended before the answer came") : std::move(asked.replies().back());
    if (!reply.is_error()) break;
    link = office.nodes.redirected(reply.text);
    preface = office.nodes.preface(reply.text);
  }
  if (const auto id = office.catalog.id_of(order.key)) office.catalog.changed_by_us(*id);
}

}  // namespace

Task<Replies> carry_out(Office office, std::vector<Order> orders) {
  std::vector<Reply> replies(orders.size(), refusal("no server that has the key can be reached"));
  std::deque<Fork> under_way;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    under_way.emplace_back(office.loop, carry_out_one(office, orders[i], replies[i]));
  }
  for (Fork& one : under_way) co_await one.join();
  for (const Reply& reply : replies) {
    if (reply.is_error()) co_return Source::Failed{"Redis: " + reply.text};
  }
  co_return replies;
}

}  // namespace sandgate::proxy::registry::redis

// h2_links: a worker's HTTP/2 connections to sandboxes, and which of them the next stream goes to.
//
// One connection is dialled at a time for a key, and whoever wants one meanwhile waits for it: a hundred calls that
// come at once make one connection, not a hundred. If the dial fails they share its failure; if only the one that
// dialled went away, the next of them dials. Whoever must have a fresh connection dials for itself.
#pragma once

#include <proxy/base/signal.hpp>
#include <proxy/upstream/h2_link.hpp>
#include <proxy/upstream/pool_key.hpp>
#include <proxy/upstream/upstream.hpp>

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sandgate::proxy::upstream {

class H2Links final : private H2Link::Keeper {
 public:
  /// Makes connections and takes them back: the pool.
  class Dialler {
   public:
    virtual Task<Result<std::unique_ptr<Connection>>> dial_new(const Destination& destination, Attempt& attempt) = 0;
    virtual void discard(std::unique_ptr<Connection> connection) = 0;

   protected:
    ~Dialler() = default;
  };

  H2Links(Loop& loop, const H2Link::Environment& environment, Dialler& dialler)
      : loop_(loop), environment_(environment), dialler_(dialler) {}
  ~H2Links();
  H2Links(const H2Links&) = delete;
  H2Links& operator=(const H2Links&) = delete;

  /// A link with room for a stream, which must be opened before anything is awaited.
  Task<Result<H2Link*>> open(const Destination& destination, Reuse reuse, Attempt& attempt);
  /// Ends the links of `id` whose generation is not `generation`; their exchanges were all of that generation.
  void end_generation(const routing::SandboxId& id, std::string_view generation);

 private:
  struct Waiting : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit Waiting(Loop& loop) : signal(loop) {}
    Signal signal;
    std::optional<Failure> failure;
  };
  struct Group {
    std::vector<std::unique_ptr<H2Link>> links;
    std::size_t dials = 0;  ///< Under way: one that may be shared, and those for fresh connections only.
    boost::intrusive::list<Waiting, boost::intrusive::constant_time_size<false>> waiting;
    bool is_unused() const { return links.empty() && dials == 0 && waiting.empty(); }
  };
  class Dial;
  using Groups = std::unordered_map<PoolKey, Group, PoolKeyHash, PoolKeyEqual>;

  void link_ended(H2Link& link) override;
  Group& group_for(const Destination& destination);
  static H2Link* find_room(const Group& group);
  Task<Result<H2Link*>> dial(const Destination& destination, Attempt& attempt);
  H2Link* add_link(Group& group, std::unique_ptr<Connection> connection);
  Task<std::optional<Failure>> wait(Group& group, Attempt& attempt);
  void drop(std::unique_ptr<H2Link> link);
  void forget_if_unused(Groups::iterator entry);

  Loop& loop_;
  H2Link::Environment environment_;
  Dialler& dialler_;
  Groups groups_;  ///< An entry stays while it has links, a dial, or somebody who waits for one.
};

}  // namespace sandgate::proxy::upstream

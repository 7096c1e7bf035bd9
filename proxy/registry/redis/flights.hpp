// flights: the reads that are under way, one for an id however many wait for it, and what an invalidation does to them.
// Pure: nothing is sent here.
//
//   join ──▶ waiting to be sent ──sent──▶ under way ──landed──▶ keep    the reply is what Redis holds: into the table
//                    ▲                        │                  once    it was, when these asked: for them alone
//                    └──────── again ◀────────┴── a change of the id came while it was under way
//
// An invalidation travels on another connection than the reply, so it may come first: the reply is then from before the
// change, and is read again. An id that changes with every read is not read for ever: after kMostRounds the reply is
// given to those who asked before it was read, for whom it is true, and is not kept.
#pragma once

#include <proxy/base/deadline.hpp>
#include <routing/sandbox_id.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

namespace sandgate::proxy::registry {
class Question;
}

namespace sandgate::proxy::registry::redis {

using routing::SandboxId;

enum class Landing : std::uint8_t { keep, once, again };

struct Landed {
  Landing landing = Landing::keep;
  std::vector<Question*> answered;
  bool must_send = false;  ///< The id is still asked for.
};

class Flights {
 public:
  static constexpr std::size_t kMost = std::size_t{32} * 1024;  ///< Ids at once.
  static constexpr int kMostRounds = 4;

  /// Makes a flight, or joins the one there is; `question` null: the reply is wanted for the table alone. False: there
  /// are too many.
  bool join(const SandboxId& id, Question* question, TimePoint deadline);
  bool is_waiting_to_be_sent(const SandboxId& id) const;
  bool has_been_read_often(const SandboxId& id) const;
  void sent(const SandboxId& id);
  /// The connection ended before the reply came.
  void lost(const SandboxId& id);

  void invalidated(const SandboxId& id);
  void invalidated_all();

  /// The reply to what was `sent` is here. `is_sound` false: it cannot be right and is read again.
  Landed landed(const SandboxId& id, bool is_sound);

  /// Whose deadline has passed. A flight that nobody waits for any longer is over unless it is under way.
  std::vector<Question*> take_late(TimePoint now);
  std::vector<Question*> take_all();
  TimePoint next_deadline() const;

  void for_each_to_send(const std::function<void(const SandboxId& id)>& visit) const;
  /// Those that wait to be sent and are wanted for the table alone end.
  void forget_unasked();
  std::size_t size() const { return flights_.size(); }

 private:
  struct Waiting {
    SandboxId id;
    Question* question;
  };
  using Deadlines = std::multimap<TimePoint, Waiting>;
  struct Flight {
    std::vector<Deadlines::iterator> waiting;
    std::size_t sure = 0;  ///< So many of `waiting` asked before it was sent.
    int rounds = 0;
    bool is_under_way = false;
    bool is_void = false;
  };

  std::vector<Question*> release(Flight& flight, std::size_t count);

  std::unordered_map<SandboxId, Flight, routing::SandboxIdHash> flights_;
  Deadlines deadlines_;
};

}  // namespace sandgate::proxy::registry::redis

#include <proxy/registry/redis/flights.hpp>

#include <algorithm>
#include <utility>

namespace sandgate::proxy::registry::redis {

bool Flights::join(const SandboxId& id, Question* question, TimePoint deadline) {
  auto at = flights_.find(id);
  if (at == flights_.end()) {
    if (flights_.size() >= kMost) return false;
    at = flights_.try_emplace(id).first;
  }
  if (question != nullptr) at->second.waiting.push_back(deadlines_.emplace(deadline, Waiting{id, question}));
  return true;
}

bool Flights::is_waiting_to_be_sent(const SandboxId& id) const {
  const auto at = flights_.find(id);
  return at != flights_.end() && !at->second.is_under_way;
}

bool Flights::has_been_read_often(const SandboxId& id) const {
  const auto at = flights_.find(id);
  return at != flights_.end() && at->second.rounds >= kMostRounds;
}

void Flights::sent(const SandboxId& id) {
  const auto at = flights_.find(id);
  if (at == flights_.end()) return;
  Flight& flight = at->second;
  flight.is_under_way = true;
  flight.is_void = false;
  flight.sure = flight.waiting.size();
  ++flight.rounds;
}

void Flights::lost(const SandboxId& id) {
  if (const auto at = flights_.find(id); at != flights_.end()) at->second.is_under_way = false;
}

void Flights::invalidated(const SandboxId& id) {
  if (const auto at = flights_.find(id); at != flights_.end()) at->second.is_void = true;
}

void Flights::invalidated_all() {
  for (auto& [id, flight] : flights_) flight.is_void = true;
}

std::vector<Question*> Flights::release(Flight& flight, std::size_t count) {
  std::vector<Question*> questions;
  for (std::size_t i = 0; i < count; ++i) {
    questions.push_back(flight.waiting[i]->second.question);
    deadlines_.erase(flight.waiting[i]);
  }
  flight.waiting.erase(flight.waiting.begin(), flight.waiting.begin() + static_cast<std::ptrdiff_t>(count));
  flight.sure -= std::min(flight.sure, count);
  return questions;
}

Landed Flights::landed(const SandboxId& id, bool is_sound) {
  const auto at = flights_.find(id);
  if (at == flights_.end()) return {Landing::keep, {}, false};
  Flight& flight = at->second;
  flight.is_under_way = false;
  const bool is_current = is_sound && !flight.is_void;
  Landed landed;
  if (is_current) {
    landed.answered = release(flight, flight.waiting.size());
  } else if (flight.rounds < kMostRounds) {
    landed.landing = Landing::again;
  } else {
    landed.landing = Landing::once;
    landed.answered = release(flight, flight.sure);
    flight.rounds = 0;
  }
  landed.must_send = landed.landing == Landing::again || !flight.waiting.empty();
  if (!landed.must_send) flights_.erase(at);
  return landed;
}

std::vector<Question*> Flights::take_late(TimePoint now) {
  std::vector<Question*> late;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto first = deadlines_.begin();
    const auto at = flights_.find(first->second.id);
    Flight& flight = at->second;
    const auto place = std::find(flight.waiting.begin(), flight.waiting.end(), first);
    if (place - flight.waiting.begin() < static_cast<std::ptrdiff_t>(flight.sure)) --flight.sure;
    flight.waiting.erase(place);
    late.push_back(first->second.question);
    deadlines_.erase(first);
    if (flight.waiting.empty() && !flight.is_under_way) flights_.erase(at);
  }
  return late;
}

std::vector<Question*> Flights::take_all() {
  std::vector<Question*> all;
  for (const auto& [deadline, waiting] : deadlines_) all.push_back(waiting.question);
  deadlines_.clear();
  flights_.clear();
  return all;
}

TimePoint Flights::next_deadline() const { return deadlines_.empty() ? kNever : deadlines_.begin()->first; }

void Flights::for_each_to_send(const std::function<void(const SandboxId& id)>& visit) const {
  std::vector<SandboxId> ids;
  for (const auto& [id, flight] : flights_) {
    if (!flight.is_under_way) ids.push_back(id);
  }
  for (const SandboxId& id : ids) visit(id);
}

void Flights::forget_unasked() {
  std::erase_if(flights_, [](const auto& entry) { return !entry.second.is_under_way && entry.second.waiting.empty(); });
}

}  // namespace sandgate::proxy::registry::redis

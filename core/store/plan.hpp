// Plan: a batch of writes on its way to the disk, or into memory alone: what each becomes, and who is to hear of it.
//
// Made and used by the writer thread. The writes lie in the writer's batch, which outlives the plan.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/store/memory.hpp"
#include "core/store/store.hpp"

namespace gantry::store {

struct Pending {
  Write write;
  WriteCallback done;
  size_t bytes = 0;  // counted against the queue
};

// What it takes in memory while it waits.
size_t weight_of(const Write& write);

class Plan {
 public:
  explicit Plan(const Memory& memory) : memory_(memory) {}
  // Of writes that are for memory alone, and can't fail any more once they are planned.
  Plan(const Memory& memory, VolatileKeys& keys, VolatileKeys::Clock::time_point now)
      : memory_(memory), volatile_keys_(&keys), now_(now) {}

  // Checks a write against memory and the plan's earlier writes. A refusal that rests on nothing of this plan is
  // answered at once.
  void add(Pending& pending);

  const std::vector<EventPtr>& events() const { return events_; }
  size_t bytes() const { return bytes_; }
  Revision last() const { return events_.back()->entry->mod_revision; }

  // Tells everybody, after the commit.
  void answer();
  void refuse(const Status& status);
  std::vector<EventPtr> take_events() { return std::move(events_); }
  // Instead, after a commit that failed: takes back the writes that remove something, to be planned anew without the
  // others. What is left is to be refused.
  std::vector<Pending*> take_removals();

 private:
  struct Answer {
    Pending* from;
    Expected<EntryPtr> result;
  };

  const Memory& memory_;
  VolatileKeys* const volatile_keys_ = nullptr;
  const VolatileKeys::Clock::time_point now_{};
  std::vector<EventPtr> events_;
  std::vector<Answer> answers_;
  std::unordered_map<std::string_view, EntryPtr> staged_;  // null: deleted by this plan
  size_t bytes_ = 0;
};

}  // namespace gantry::store

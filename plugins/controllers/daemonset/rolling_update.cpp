#include "rolling_update.hpp"

#include <algorithm>

#include "gantry/int_or_percent.hpp"

namespace gantry::daemonset {
namespace {

// Those of a node that are not being deleted.
struct Pair {
  const Pod *fresh = nullptr, *old = nullptr;
  bool excess = false;  // several of a kind: upkeep has to end some first
};

Pair pair_on(const View& view, const Seat& seat) {
  Pair pair;
  for (const auto* pod : seat.pods) {
    if (pod->metadata().has_deletion_timestamp()) continue;
    const Pod*& slot = view.is_new(*pod) ? pair.fresh : pair.old;
    if (slot != nullptr) return {.fresh = nullptr, .old = nullptr, .excess = true};
    slot = pod;
  }
  return pair;
}

bool takes_part(const Seat& seat) { return seat.fit.wanted || !seat.pods.empty(); }

// As many of the front as there is room for.
template <typename T>
void add_some(std::vector<T>& to, std::vector<T>& from, int64_t room) {
  const auto count = std::clamp<int64_t>(room, 0, static_cast<int64_t>(from.size()));
  std::move(from.begin(), from.begin() + count, std::back_inserter(to));
}

// Old pods go, and upkeep makes the new ones in their places. An old pod that does not work goes at any time: nobody
// misses it, and it might hold up the rollout for ever.
Plan plan_in_place(const View& view, const Seats& seats, const Limits& limits) {
  Plan plan;
  std::vector<const Pod*> candidates;
  int64_t unavailable = 0;
  for (const auto& seat : seats.all) {
    if (!takes_part(seat)) continue;
    const auto pair = pair_on(view, seat);
    if (pair.excess || (pair.fresh == nullptr) == (pair.old == nullptr)) {
      ++unavailable;
    } else if (pair.fresh != nullptr) {
      unavailable += !view.is_available(*pair.fresh);
    } else if (!view.is_available(*pair.old)) {
      ++unavailable;
      plan.remove.push_back(pair.old);
    } else {
      candidates.push_back(pair.old);
    }
  }
  add_some(plan.remove, candidates, limits.unavailable - unavailable);
  return plan;
}

// New pods come beside the old ones, which go once the new ones work.
class Surge {
 public:
  explicit Surge(const View& view) : view_(view) {}

  void add(const Seat& seat) {
    const auto pair = pair_on(view_, seat);
    if (pair.excess) {
      ++surging_;
      return;
    }
    const Pod* serving = pair.old != nullptr ? pair.old : pair.fresh;
    if (serving != nullptr) available_ += view_.is_available(*serving);
    if (pair.old == nullptr) return;
    if (pair.fresh != nullptr) {
      if (view_.is_available(*pair.fresh)) {
        plan_.remove.push_back(pair.old);
      } else {
        ++surging_;
      }
    } else if (view_.is_available(*pair.old)) {
      if (seat.fit.wanted) {
        next_.push_back(seat.name());
      } else {
        unwanted_.push_back(pair.old);
      }
    } else if (seat.fit.wanted) {
      plan_.create.push_back(seat.name());
    } else {
      plan_.remove.push_back(pair.old);
    }
  }
  // Pods of nodes that shall have none any more stay as long as they make up for others.
  Plan take(const Limits& limits, int64_t wanted) {
    add_some(plan_.remove, unwanted_, available_ - wanted);
    add_some(plan_.create, next_, limits.surge - surging_);
    return std::move(plan_);
  }

 private:
  const View& view_;
  Plan plan_;
  std::vector<std::string> next_;
  std::vector<const Pod*> unwanted_;
  int64_t surging_ = 0, available_ = 0;
};

}  // namespace

int64_t count_wanted(const Seats& seats) {
  return std::count_if(seats.all.begin(), seats.all.end(), [](const Seat& seat) { return seat.fit.wanted; });
}

Expected<Limits> limits_of(const DaemonSet& set, int64_t wanted) {
  Limits limits;
  const auto& rolling = set.spec().update_strategy().rolling_update();
  const auto total = static_cast<int32_t>(wanted);
  if (rolling.has_max_unavailable()) {
    const auto value = sdk::scaled_value(rolling.max_unavailable(), total, true);
    if (!value) return Status(value.error()).in("invalid value for MaxUnavailable");
    limits.unavailable = *value;
  }
  if (rolling.has_max_surge()) {
    const auto value = sdk::scaled_value(rolling.max_surge(), total, true);
    if (!value) return Status(value.error()).in("invalid value for MaxSurge");
    limits.surge = *value;
  }
  if (limits.unavailable == 0 && limits.surge == 0) limits.unavailable = 1;
  return limits;
}

Plan plan_rolling_update(const View& view, const Seats& seats, const Limits& limits) {
  if (limits.surge == 0) return plan_in_place(view, seats, limits);
  Surge surge(view);
  for (const auto& seat : seats.all) {
    if (takes_part(seat)) surge.add(seat);
  }
  return surge.take(limits, count_wanted(seats));
}

}  // namespace gantry::daemonset

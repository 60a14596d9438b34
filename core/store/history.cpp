// History: see history.hpp.
#include "core/store/history.hpp"

#include <algorithm>

namespace gantry::store {
namespace {

int64_t held_by(const Entry& entry) {
  size_t bytes = entry.value.size();
  for (const auto& slot : entry.derived) {
    if (const auto* derived = slot.load(std::memory_order_acquire)) bytes += derived->size();
  }
  return static_cast<int64_t>(bytes);
}

// What the event keeps alive that nothing else would: the version before, and a deletion's final
// state.
int64_t log_cost(const Event& event) {
  return (event.previous ? held_by(*event.previous) : 0) +
         (event.type == EventType::kDelete ? held_by(*event.entry) : 0);
}

}  // namespace

History::Place History::behind(Revision revision) const {
  return std::partition_point(log_.begin(), log_.end(), [revision](const Logged& logged) {
    return logged.event->entry->mod_revision <= revision;
  });
}

void History::append(EventPtr event) {
  const int64_t bytes = log_cost(*event);
  bytes_ += bytes;
  log_.push_back({std::move(event), bytes});
}

void History::mark(Clock::time_point now) {
  using namespace std::chrono_literals;
  const Revision revision = log_.back().event->entry->mod_revision;
  const size_t n = marks_.size();
  if (n >= 2 && now - marks_[n - 2].time < 1s)
    marks_.back() = {now, revision};
  else
    marks_.push_back({now, revision});
}

EventPtr History::drop_oldest() {
  EventPtr event = std::move(log_.front().event);
  bytes_ -= log_.front().bytes;
  log_.pop_front();
  compacted_ = event->entry->mod_revision;
  while (!marks_.empty() && marks_.front().revision <= compacted_) marks_.pop_front();
  return event;
}

bool History::too_long() const {
  return !log_.empty() && (static_cast<int64_t>(log_.size()) > limits_.entries || bytes_ > limits_.bytes);
}

bool History::above_floor() const {
  return static_cast<int64_t>(log_.size()) > limits_.entries / 8 || bytes_ > limits_.bytes / 32;
}

std::optional<History::Clock::time_point> History::due() const {
  if (!above_floor() || marks_.empty()) return std::nullopt;
  return marks_.front().time + limits_.age;
}

Revision History::too_old(Clock::time_point now) const {
  const auto first_young =
      std::find_if(marks_.begin(), marks_.end(), [&](const Mark& mark) { return mark.time + limits_.age > now; });
  return first_young == marks_.begin() ? 0 : std::prev(first_young)->revision;
}

}  // namespace gantry::store

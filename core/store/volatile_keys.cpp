// VolatileKeys: see volatile_keys.hpp.
#include "core/store/volatile_keys.hpp"

#include <algorithm>

namespace gantry::store {
namespace {

int64_t footprint(const Entry& entry) { return static_cast<int64_t>(entry.key.size() + entry.value.size()); }

Write deletion_from(const Entry& entry, size_t revision_at) {
  Write write;
  write.kind = Write::Kind::kDelete;
  write.key = entry.key;
  write.value = entry.value;
  write.revision_at = revision_at;
  write.expected = entry.mod_revision;
  if (revision_at <= write.value.size()) write.value.erase(revision_at, std::to_string(entry.mod_revision).size());
  return write;
}

}  // namespace

void VolatileKeys::set(std::string_view prefix, const Volatility& how) {
  const std::lock_guard lock(mutex_);
  shelves_.try_emplace(std::string(prefix)).first->second.how = how;
  any_ = true;
}

bool VolatileKeys::touches(std::string_view prefix) const {
  if (!any_) return false;
  const std::lock_guard lock(mutex_);
  if (find_locked(prefix) != nullptr) return true;
  const auto below = shelves_.lower_bound(prefix);
  return below != shelves_.end() && below->first.starts_with(prefix);
}

int64_t VolatileKeys::size() const {
  const std::lock_guard lock(mutex_);
  int64_t size = 0;
  for (const auto& [prefix, shelf] : shelves_) size += static_cast<int64_t>(shelf.kept.size());
  return size;
}

const VolatileKeys::Shelf* VolatileKeys::find_locked(std::string_view key) const {
  auto next = shelves_.upper_bound(key);
  if (next == shelves_.begin()) return nullptr;
  --next;
  return key.starts_with(next->first) ? &next->second : nullptr;
}

bool VolatileKeys::covers(std::string_view key) const {
  if (!any_) return false;
  const std::lock_guard lock(mutex_);
  return find_locked(key) != nullptr;
}

bool VolatileKeys::takes(std::string_view key, const EntryPtr& current) const {
  const std::lock_guard lock(mutex_);
  const Shelf* shelf = find_locked(key);
  return shelf != nullptr && (current == nullptr || shelf->kept.contains(current->mod_revision));
}

Status VolatileKeys::admit(const Write& write, const EntryPtr& current, Clock::time_point now) const {
  if (write.removes || write.kind == Write::Kind::kDelete) return {};
  const std::lock_guard lock(mutex_);
  const auto shelf = std::prev(shelves_.upper_bound(write.key));
  const auto& [how, kept, bytes] = shelf->second;
  const int64_t grows =
      static_cast<int64_t>(write.key.size() + write.value.size()) - (current ? footprint(*current) : 0);
  const bool room = current != nullptr || static_cast<int64_t>(kept.size()) < how.most;
  if (room && (grows <= 0 || bytes + grows <= how.most_bytes)) return {};
  StatusDetails details;
  const auto wait = kept.empty() ? how.time_to_live : kept.begin()->second.written + how.time_to_live - now;
  details.retry_after_seconds =
      static_cast<int32_t>(std::max<int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
  const std::string bound = room ? std::to_string(how.most_bytes) + " bytes" : std::to_string(how.most) + " entries";
  return Status::too_many_requests("at most " + bound + " under \"" + shelf->first +
                                   "\" are kept in memory; please try again later")
      .with_details(std::move(details));
}

void VolatileKeys::apply(const Event& event, size_t revision_at, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  auto& shelf = std::prev(shelves_.upper_bound(event.entry->key))->second;
  if (event.previous) {
    shelf.bytes -= footprint(*event.previous);
    shelf.kept.erase(event.previous->mod_revision);
  }
  if (event.type == EventType::kDelete) return;
  shelf.bytes += footprint(*event.entry);
  shelf.kept.emplace_hint(shelf.kept.end(), event.entry->mod_revision, Kept{event.entry, revision_at, now});
}

std::optional<VolatileKeys::Clock::time_point> VolatileKeys::due() const {
  if (!any_) return std::nullopt;
  const std::lock_guard lock(mutex_);
  std::optional<Clock::time_point> due;
  for (const auto& [prefix, shelf] : shelves_) {
    if (shelf.kept.empty()) continue;
    const auto its = shelf.kept.begin()->second.written + shelf.how.time_to_live;
    due = std::min(due.value_or(its), its);
  }
  return due;
}

std::vector<Write> VolatileKeys::over(Clock::time_point now, size_t most) const {
  std::vector<Write> over;
  if (!any_) return over;
  const std::lock_guard lock(mutex_);
  for (const auto& [prefix, shelf] : shelves_) {
    for (const auto& [revision, kept] : shelf.kept) {
      if (over.size() == most || kept.written + shelf.how.time_to_live > now) break;
      over.push_back(deletion_from(*kept.entry, kept.revision_at));
    }
  }
  return over;
}

}  // namespace gantry::store

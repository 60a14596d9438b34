// Memory: objects, log, and lists of the past. See memory.hpp.
#include "core/store/memory.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace gantry::store {
namespace {

int64_t size_of(const EntryPtr& entry) { return static_cast<int64_t>(entry->value.size()); }

Status too_large_revision(Revision asked, Revision current) {
  StatusDetails details;
  details.causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  details.retry_after_seconds = 1;
  return Status::timeout("Too large resource version: " + std::to_string(asked) +
                         ", current: " + std::to_string(current))
      .with_details(std::move(details));
}

void add(ListResult& result, const EntryPtr& entry, size_t limit) {
  if (limit == 0 || result.entries.size() < limit) {
    result.entries.push_back(entry);
  } else {
    ++result.remaining;
  }
}

}  // namespace

bool Memory::load(EntryPtr entry, bool deleted, Revision gap) {
  const Revision at = entry->mod_revision, compacted = on_disk_.compacted();
  const auto it = loading_.find(entry->key);
  const EntryPtr previous = it == loading_.end() ? nullptr : it->second;
  const bool follows = at > revision_ && at - gap <= revision_ + 1;
  if (at <= compacted ? deleted || previous : !follows || (deleted && !previous)) return false;
  // A map's key is a view into its entry: a newer version needs a node of its own.
  if (it != loading_.end()) loading_.erase(it);
  if (!deleted) loading_.emplace(entry->key, entry);
  if (at <= compacted) return true;
  auto event = std::make_shared<Event>();
  event->type = deleted ? EventType::kDelete : EventType::kPut;
  event->entry = std::move(entry);
  event->previous = previous;
  on_disk_.append(std::move(event));
  revision_ = at;
  std::vector<EventPtr> garbage;
  while (on_disk_.too_long()) drop_oldest(on_disk_, garbage);
  return true;
}

EntryPtr Memory::loaded(std::string_view key) const {
  const auto it = loading_.find(key);
  return it == loading_.end() ? nullptr : it->second;
}

void Memory::lose(std::string_view key) { loading_.erase(key); }

void Memory::skip(Revision at) {
  if (at <= on_disk_.compacted()) return;
  std::vector<EventPtr> garbage;
  while (!on_disk_.empty()) drop_oldest(on_disk_, garbage);
  on_disk_.start_at(at);
  revision_ = at;
}

void Memory::finish_load() {
  std::vector<EntryPtr> entries;
  entries.reserve(loading_.size());
  for (auto& [key, entry] : loading_) {
    object_bytes_ += size_of(entry);
    entries.push_back(entry);
  }
  decltype(loading_)().swap(loading_);  // with its memory
  objects_.assign(std::move(entries));
  if (!on_disk_.empty()) on_disk_.mark(Clock::now());
  // What was not on disk is gone, and nobody could be told how.
  in_memory_.start_at(revision_);
}

void Memory::publish(const std::vector<EventPtr>& events, Kept where) {
  History& history = where == Kept::kOnDisk ? on_disk_ : in_memory_;
  std::vector<EventPtr> garbage;  // freed after the lock
  const auto now = Clock::now();
  ask_for_values(events);
  std::unique_lock lock(mutex_);
  for (const EventPtr& event : events) {
    const EntryPtr& entry = event->entry;
    if (event->previous) object_bytes_ -= size_of(event->previous);
    if (event->type == EventType::kDelete) {
      objects_.erase(entry->key);
    } else {
      object_bytes_ += size_of(entry);
      objects_.put(entry);
    }
    change_indexes(*event);
    history.append(event);
    revision_ = entry->mod_revision;
  }
  history.mark(now);
  while (history.too_long()) drop_oldest(history, garbage);
  lock.unlock();
}

// Before the lock is taken alone: what is not at hand has to be read.
void Memory::ask_for_values(const std::vector<EventPtr>& events) const {
  std::shared_lock lock(mutex_);
  for (const auto& index : indexes_) {
    for (const EventPtr& event : events) {
      if (event->type == EventType::kPut && index.covers(*event->entry)) (void)index.field().value(*event->entry);
    }
  }
}

void Memory::change_indexes(const Event& event) {
  for (auto& index : indexes_) {
    if (!index.covers(*event.entry)) continue;
    if (event.previous) index.remove(*event.previous);
    if (event.type == EventType::kPut) index.add(event.entry);
  }
}

void Memory::drop_oldest(History& history, std::vector<EventPtr>& garbage) {
  EventPtr event = history.drop_oldest();
  if (&history == &on_disk_) {
    const Revision at = event->entry->mod_revision;
    if (event->previous) dead_.push_back({at, event->previous->mod_revision});
    if (event->type == EventType::kDelete) dead_.push_back({at, at});
  }
  garbage.push_back(std::move(event));
}

void Memory::drop_old(History& history, Clock::time_point now, std::vector<EventPtr>& garbage) {
  const Revision until = history.too_old(now);
  while (history.above_floor() && !history.empty() && history.oldest() <= until) drop_oldest(history, garbage);
}

std::optional<Memory::Clock::time_point> Memory::expire(Clock::time_point now) {
  const auto due = [this] {
    const auto one = on_disk_.due(), other = in_memory_.due();
    return one && other ? std::min(one, other) : one ? one : other;
  };
  {
    std::shared_lock lock(mutex_);
    if (const auto next = due(); !next || *next > now) return next;
  }
  std::vector<EventPtr> garbage;
  std::unique_lock lock(mutex_);
  drop_old(on_disk_, now, garbage);
  drop_old(in_memory_, now, garbage);
  const auto next = due();
  lock.unlock();
  return next;
}

std::vector<DeadRow> Memory::dead_rows(size_t at_least, size_t at_most) const {
  std::shared_lock lock(mutex_);
  if (dead_.size() < at_least) return {};
  auto end = dead_.begin() + static_cast<ptrdiff_t>(std::min(at_most, dead_.size()));
  // All rows of an event go together: afterwards the file is compacted up to it.
  while (end != dead_.end() && end != dead_.begin() && end->event == std::prev(end)->event) ++end;
  return {dead_.begin(), end};
}

void Memory::forget_dead_rows(size_t count) {
  std::unique_lock lock(mutex_);
  dead_.erase(dead_.begin(), dead_.begin() + static_cast<ptrdiff_t>(count));
}

EntryPtr Memory::get(std::string_view key) const {
  std::shared_lock lock(mutex_);
  return objects_.find(key);
}

OrderedIndex::Place Memory::first(std::string_view prefix, std::string_view after) const {
  return after.empty() || after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(after);
}

OrderedIndex::Place Memory::behind(std::string_view prefix) const {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return objects_.end();
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return objects_.lower_bound(end);
}

Expected<ListResult> Memory::list(std::string_view prefix, Revision revision, std::string_view after,
                                  size_t limit) const {
  ListResult result;
  std::shared_lock lock(mutex_);
  result.revision = revision == 0 ? revision_ : revision;
  if (result.revision > revision_) return too_large_revision(revision, revision_);
  if (result.revision < revision_ && result.revision < compacted_locked(prefix)) {
    return Status::expired("The resourceVersion for the provided list is too old.");
  }
  // An `after` beyond the prefix leaves nothing.
  if (after > prefix && !after.starts_with(prefix)) return result;
  if (result.revision == revision_)
    collect_newest(prefix, after, limit, result);
  else
    collect_past(prefix, after, limit, result);
  result.more = result.remaining > 0;
  return result;
}

std::optional<ListResult> Memory::find(std::string_view prefix, const Only& only, std::string_view after) const {
  std::shared_lock lock(mutex_);
  const auto index = std::find_if(indexes_.begin(), indexes_.end(), [&](const FieldEntries& known) {
    return prefix.starts_with(known.prefix()) && known.field().name() == only.field->name();
  });
  if (index == indexes_.end() || only.value.empty()) return std::nullopt;
  ListResult result;
  result.revision = revision_;
  result.entries = index->find(only.value, prefix, after);
  return result;
}

void Memory::index(std::string_view prefix, std::shared_ptr<const FieldIndex> field) {
  const auto known = [&] {
    return std::any_of(indexes_.begin(), indexes_.end(), [&](const FieldEntries& other) {
      return other.prefix() == prefix && other.field().name() == field->name();
    });
  };
  ListResult all;
  {
    std::shared_lock lock(mutex_);
    if (known()) return;
    collect_newest(prefix, {}, 0, all);
  }
  // What is not at hand is read without a lock.
  for (const auto& entry : all.entries) (void)field->value(*entry);
  std::unique_lock lock(mutex_);
  if (known()) return;
  auto& entries = indexes_.emplace_back(prefix, std::move(field));
  const auto end = behind(prefix);
  for (auto at = first(prefix, {}); at != end; at = objects_.next(at)) entries.add(objects_.at(at));
}

void Memory::collect_newest(std::string_view prefix, std::string_view after, size_t limit, ListResult& result) const {
  const auto begin = first(prefix, after);
  const auto all = static_cast<size_t>(objects_.distance(begin, behind(prefix)));
  const size_t count = limit == 0 ? all : std::min(limit, all);
  result.entries.reserve(count);
  objects_.copy(begin, count, result.entries);
  result.remaining = static_cast<int64_t>(all - count);
}

std::vector<const EventPtr*> Memory::events_behind(Revision revision, std::string_view prefix) const {
  std::vector<const EventPtr*> found;
  const auto take = [&](const History& history) {
    for (auto it = history.behind(revision); it != history.end(); ++it) {
      if (it->event->entry->key.starts_with(prefix)) found.push_back(&it->event);
    }
  };
  take(on_disk_);
  if (!volatile_keys_.touches(prefix)) return found;
  const auto size = static_cast<ptrdiff_t>(found.size());
  take(in_memory_);
  std::inplace_merge(found.begin(), found.begin() + size, found.end(), [](const EventPtr* a, const EventPtr* b) {
    return (*a)->entry->mod_revision < (*b)->entry->mod_revision;
  });
  return found;
}

// The newest state with every event above the revision undone: the version before the earliest of
// them counts.
void Memory::collect_past(std::string_view prefix, std::string_view after, size_t limit, ListResult& result) const {
  std::map<std::string_view, const EntryPtr*> undo;
  const auto events = events_behind(result.revision, prefix);
  for (auto it = events.rbegin(); it != events.rend(); ++it) {
    const Event& event = ***it;
    const std::string_view key = event.entry->key;
    if (after.empty() || key > after) undo.insert_or_assign(key, &event.previous);
  }
  const auto end = behind(prefix);
  auto now = first(prefix, after);
  auto past = undo.begin();
  while (now != end || past != undo.end()) {
    const EntryPtr* newest = now == end ? nullptr : &objects_.at(now);
    if (newest && (past == undo.end() || (*newest)->key < past->first)) {
      add(result, *newest, limit);
      now = objects_.next(now);
      continue;
    }
    if (newest && (*newest)->key == past->first) now = objects_.next(now);
    if (*past->second) add(result, *past->second, limit);
    ++past;
  }
}

Status Memory::replay(std::string_view prefix, Revision from, const ReplayFn& registered) const {
  std::shared_lock lock(mutex_);
  if (const Revision compacted = compacted_locked(prefix); from < compacted) {
    return Status::expired("too old resource version: " + std::to_string(from) + " (" + std::to_string(compacted) +
                           ")");
  }
  std::vector<EventPtr> events;
  for (const EventPtr* event : events_behind(from, prefix)) events.push_back(*event);
  registered(std::move(events), revision_);
  return {};
}

Revision Memory::compacted_locked(std::string_view prefix) const {
  const Revision on_disk = on_disk_.compacted();
  return volatile_keys_.touches(prefix) ? std::max(on_disk, in_memory_.compacted()) : on_disk;
}

Revision Memory::compacted(std::string_view prefix) const {
  std::shared_lock lock(mutex_);
  return compacted_locked(prefix);
}

Revision Memory::revision() const {
  std::shared_lock lock(mutex_);
  return revision_;
}

void Memory::compact(Revision revision) {
  std::vector<EventPtr> garbage;
  std::unique_lock lock(mutex_);
  for (History* history : {&on_disk_, &in_memory_}) {
    while (!history->empty() && history->oldest() <= revision) drop_oldest(*history, garbage);
  }
  lock.unlock();
}

void Memory::fill(Stats& stats) const {
  std::shared_lock lock(mutex_);
  stats.revision = revision_;
  stats.compacted = on_disk_.compacted();
  stats.entries = static_cast<int64_t>(objects_.size());
  stats.value_bytes = object_bytes_;
}

}  // namespace gantry::store

#include "core/store/plan.hpp"

#include <utility>

namespace gantry::store {
namespace {

// A queued write without its texts, and what the batch makes of it.
constexpr size_t kOverhead = 512;

// Exactly as long as needed: appending to a moved string would leave up to half of it unused, for
// ever.
std::string with_revision(const std::string& value, size_t at, Revision revision) {
  std::string result;
  if (at > value.size()) {
    result.reserve(value.size());
    return result.append(value);
  }
  const std::string digits = std::to_string(revision);
  result.reserve(value.size() + digits.size());
  return result.append(value, 0, at).append(digits).append(value, at);
}

Status check(const Write& write, const EntryPtr& current) {
  if (write.kind == Write::Kind::kCreate) {
    if (current) return Status::already_exists("key \"" + write.key + "\" already exists");
    return {};
  }
  if (!current) return Status::not_found("key \"" + write.key + "\" not found");
  if (write.expected != 0 && write.expected != current->mod_revision) {
    return Status::conflict("key \"" + write.key + "\" is at revision " + std::to_string(current->mod_revision) +
                            ", not at " + std::to_string(write.expected));
  }
  return {};
}

EventPtr make_event(Write& write, const EntryPtr& current, Revision revision) {
  auto entry = std::make_shared<Entry>();
  entry->key = std::move(write.key);
  entry->value = with_revision(write.value, write.revision_at, revision);
  entry->mod_revision = revision;
  entry->create_revision = current ? current->create_revision : revision;
  for (size_t slot = 0; slot < Entry::kSlots; ++slot) {
    if (!write.derived[slot]) continue;
    write.derived[slot]->stored(revision);
    entry->derived[slot].store(write.derived[slot].release(), std::memory_order_release);
  }
  auto event = std::make_shared<Event>();
  if (write.kind == Write::Kind::kDelete) event->type = EventType::kDelete;
  event->entry = std::move(entry);
  event->previous = current;
  return event;
}

void tell(Pending& pending, Expected<EntryPtr> result) {
  if (auto done = std::exchange(pending.done, nullptr)) done(std::move(result));
}

}  // namespace

size_t weight_of(const Write& write) {
  size_t bytes = kOverhead + write.key.size() + write.value.size();
  for (const auto& derived : write.derived) {
    if (derived) bytes += derived->size();
  }
  return bytes;
}

void Plan::add(Pending& pending) {
  Write& write = pending.write;
  const auto staged = staged_.find(write.key);
  const bool depends = staged != staged_.end();
  const EntryPtr current = depends ? staged->second : memory_.get(write.key);
  Status status = check(write, current);
  if (status.ok() && volatile_keys_ != nullptr) status = volatile_keys_->admit(write, current, now_);
  if (!status.ok()) {
    // What the answer rests on must be durable before it is told.
    if (depends)
      answers_.push_back({&pending, std::move(status)});
    else
      tell(pending, std::move(status));
    return;
  }
  const Revision revision = memory_.revision() + 1 + static_cast<Revision>(events_.size());
  EventPtr event = make_event(write, current, revision);
  if (volatile_keys_ != nullptr) volatile_keys_->apply(*event, write.revision_at, now_);
  bytes_ += event->entry->value.size();
  const bool deleted = event->type == EventType::kDelete;
  staged_.insert_or_assign(event->entry->key, deleted ? nullptr : event->entry);
  answers_.push_back({&pending, event->entry});
  events_.push_back(std::move(event));
}

void Plan::answer() {
  for (Answer& answer : answers_) tell(*answer.from, std::move(answer.result));
}

void Plan::refuse(const Status& status) {
  for (Answer& answer : answers_) tell(*answer.from, status);
}

std::vector<Pending*> Plan::take_removals() {
  std::vector<Pending*> removals;
  std::vector<Answer> others;
  for (Answer& answer : answers_) {
    Write& write = answer.from->write;
    if (!answer.result.ok() || !(write.removes || write.kind == Write::Kind::kDelete)) {
      others.push_back(std::move(answer));
      continue;
    }
    write.key = (*answer.result)->key;
    removals.push_back(answer.from);
  }
  answers_ = std::move(others);
  return removals;
}

}  // namespace gantry::store

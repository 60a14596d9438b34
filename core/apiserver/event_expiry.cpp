#include "core/apiserver/event_expiry.hpp"

#include <algorithm>

#include "core/apiserver/forms.hpp"
#include "core/schema/codec.hpp"

namespace gantry::apiserver {

void EventExpiry::start() {
  const auto* events = env_->schema.find_resource("", "v1", "events");
  if (events == nullptr) return;
  const std::string prefix = key_prefix(*events);
  auto state = env_->store.list(prefix);
  if (!state) return;
  for (const auto& entry : state->entries) note(*entry);
  auto watch = env_->store.watch(
      prefix, state->revision, [weak = weak_from_this()](const store::EventPtr* changes, size_t count, store::Revision) {
        const auto self = weak.lock();
        for (size_t i = 0; self && i < count; ++i) {
          if (changes[i]->type == store::EventType::kPut) self->note(*changes[i]->entry);
        }
      });
  if (watch) watch_ = std::move(*watch);
}

void EventExpiry::stop() { watch_.reset(); }

void EventExpiry::note(const store::Entry& entry) {
  const std::lock_guard lock(mutex_);
  due_.push_back({env_->now() + env_->options.event_ttl_seconds * 1'000'000'000, entry.key, entry.mod_revision});
  if (std::exchange(armed_, true)) return;
  env_->loop->post([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->arm();
  });
}

void EventExpiry::arm() {
  int64_t wait_ms = 0;
  {
    const std::lock_guard lock(mutex_);
    armed_ = !due_.empty();
    if (!armed_) return;
    // At least a second apart, so that a burst of Events goes in a few turns.
    wait_ms = std::max<int64_t>(1'000, (due_.front().at_ns - env_->now()) / 1'000'000);
  }
  env_->loop->after(std::chrono::milliseconds(wait_ms), [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->expire();
  });
}

void EventExpiry::expire() {
  std::deque<Due> over;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now = env_->now();
    for (; !due_.empty() && due_.front().at_ns <= now && over.size() < 1'000; due_.pop_front()) {
      over.push_back(std::move(due_.front()));
    }
  }
  for (const auto& due : over) remove(due);
  arm();
}

void EventExpiry::remove(const Due& due) {
  const auto entry = env_->store.get(due.key);
  // Changed since: a later entry of the queue is about it.
  if (!entry || entry->mod_revision != due.revision) return;
  const auto* events = env_->schema.find_resource("", "v1", "events");
  store::Write write;
  write.kind = store::Write::Kind::kDelete;
  write.key = due.key;
  write.expected = due.revision;
  write.value = schema::encode_json(*events->message, parse_entry(*entry), &write.revision_at);
  env_->store.write(std::move(write), [](const Expected<store::EntryPtr>&) {});
}

}  // namespace gantry::apiserver
